"""Microsoft Graph v1.0: msgraph-sdk's request adapter signs in and sends, bodies and answers are
plain JSON.
"""

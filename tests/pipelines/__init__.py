"""What is under `scripts/pipelines`: run as the services run it, against services that are played
here.
"""

"""The guided way: on a terminal, what a command was not told is chosen from what there is.

    presence   whether someone can be asked
    prompts    lists to choose from and lines to type, on questionary; imported when the first question is asked
    sites      the subscription and the App Service, for every command
    refusal    the App Services that there are, where no one can be asked
    clients    who calls the API and where each runs, for `setup`
    setup      the whole of `setup`, which ends with the same as command lines

Answers become options, as if they had been typed: what is done with them is in the commands.
"""

"""Does a question take as long at many decisions as at few?"""

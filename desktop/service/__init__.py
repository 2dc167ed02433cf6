"""The Qt-free facade: the same verbs for the window and the command line.

`facade.Service` is the door. Behind it `running` drives one run, `export`, `charting` and
`comparing` read what runs came to, `payloads` gives it the shape that other programs rely on.
"""

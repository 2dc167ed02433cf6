"""What the panels show and take: state and intents in, view state out. Qt's core only, no widgets."""

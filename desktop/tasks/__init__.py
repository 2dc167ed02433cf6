"""Work beside the window: QThreads compute, the event loop waits."""

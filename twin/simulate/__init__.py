"""The demo's outside world: nature (a hydraulic model), loggers and gate controllers behind real sockets."""

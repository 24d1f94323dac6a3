"""HJ 212 without a socket in it: bytes become packets, packets become readings and answers, and back.

Strategy, as everywhere in this folder: plain functions and one small state machine (`frame.Reader`); no
socket, file, task or clock. Whoever has a clock passes the time in. "Not yet" is an empty list, the peer's
fault is a `Reject` in its place in the stream, and only our own fault raises.
"""

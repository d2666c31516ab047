"""The models of requests: what a caller may send. Answers are in `gate/flow/answers/`."""

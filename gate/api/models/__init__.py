"""The shapes of requests: what may be asked. What is answered is in `gate/flow/answers/`."""

"""What Stagewatch is measured against and is written in Python: in an environment of its own."""

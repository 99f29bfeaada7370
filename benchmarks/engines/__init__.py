"""Other inference engines on our exported networks: time, memory, bytes on the device, parity.

    python -m benchmarks.engines.install                # environments and runners
    python -m benchmarks.engines [--quick] [--engine NAME …] [--work FOLDER]

An engine is a module here with an `adapter.Engine`, a row in `setups.SETUPS`, rows in `CONTENDERS`
and, where it is in neither the project's own environment nor one of `ccnet_edge.isolated`, a file
`requirements-NAME.txt`. Its adapter runs inside that environment, in a process of its own that
answers JSON lines (`adapter.serve`), so that the driver (`client.Client`) can let all engines take
turns.

A runner is a program that does without Python, for memory and, where that is how the engine is
used, for time as well (`program.ProgramEngine`). It is called

    RUNNER MODEL --size N --threads T --bench B --input IN --output OUT

reads [1, 3, N, N] float32 from IN, prints the milliseconds of each of B inferences, one a line,
then `peak_bytes P` (its VmHWM), and writes the last logits, [1, 1, N, N] float32, to OUT.
`runners/runner.h` has all of this but the two functions that load and infer.
"""

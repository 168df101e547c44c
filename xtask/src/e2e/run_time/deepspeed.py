"""DeepSpeed: its optimiser for the CPU, compiled and imported."""

from deepspeed.ops.op_builder import CPUAdamBuilder

assert CPUAdamBuilder().load().adam_update

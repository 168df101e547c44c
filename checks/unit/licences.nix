{ isNvidia }:
{
  isNvidia = [
    {
      expr = map isNvidia [
        "nvidia-cudnn-cu12"
        "cuda-toolkit"
        "cuda-pathfinder"
        "torch"
      ];
      expected = [
        true
        true
        false
        false
      ];
    }
  ];
}

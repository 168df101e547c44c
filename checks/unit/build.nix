{ relativeTo }:
{
  relativeTo = [
    {
      expr = relativeTo "nvidia/cudnn/lib" "nvidia/cublas/lib";
      expected = "../../cublas/lib";
    }
    {
      expr = relativeTo "torch" "torch/lib";
      expected = "lib";
    }
    {
      expr = relativeTo "torch/lib" "torch/lib";
      expected = "";
    }
    {
      expr = relativeTo "." "numpy.libs";
      expected = "numpy.libs";
    }
    {
      expr = relativeTo "numpy/linalg" "numpy.libs";
      expected = "../../numpy.libs";
    }
  ];
}

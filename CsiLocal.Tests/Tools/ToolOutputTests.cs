using CsiLocal.Tools;
using Xunit;

namespace CsiLocal.Tests.Tools;

public sealed class ToolOutputTests
{
    [Theory]
    [InlineData("", "", "exit code 1")]
    [InlineData("out\n", "", "exit code 1: out")]
    [InlineData("out\n", "\n  err  \nmore", "exit code 1: err")]
    [InlineData("", "resize2fs 1.47.0 (5-Feb-2023)\nresize2fs: Permission denied to resize filesystem\n", "exit code 1: resize2fs: Permission denied to resize filesystem")]
    public void The_summary_is_the_first_line_that_says_something(string output, string error, string expected)
    {
        Assert.Equal(expected, new ToolOutput(1, output, error).Summary);
    }
}

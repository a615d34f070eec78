using CsiLocal.Configuration;
using Xunit;

namespace CsiLocal.Tests.Configuration;

public sealed class ByteSizeTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("1073741824", 1073741824)]
    [InlineData("512B", 512)]
    [InlineData("10Gi", 10L << 30)]
    [InlineData("10GiB", 10L << 30)]
    [InlineData("500M", 500_000_000)]
    [InlineData("500MB", 500_000_000)]
    [InlineData("1k", 1000)]
    [InlineData("1K", 1000)]
    [InlineData("1Ki", 1024)]
    [InlineData("2Ti", 2L << 40)]
    [InlineData("3P", 3_000_000_000_000_000)]
    [InlineData("7Ei", 7L << 60)]
    [InlineData("1.5Gi", 1610612736)]
    [InlineData("0.1Gi", 107374183)]
    [InlineData("0.5", 1)]
    [InlineData("9223372036854775807", long.MaxValue)]
    [InlineData("9.223372036E", 9223372036000000000)]
    public void A_size_is_a_number_with_a_decimal_or_binary_suffix(string text, long bytes)
    {
        Assert.True(ByteSize.TryParse(text, out var parsed));
        Assert.Equal(bytes, parsed);
    }

    [Theory]
    [InlineData("")]
    [InlineData("Gi")]
    [InlineData(".5Gi")]
    [InlineData("1.Gi")]
    [InlineData("1.2.3")]
    [InlineData("10Gx")]
    [InlineData("10 Gi")]
    [InlineData(" 1")]
    [InlineData("1\n")]
    [InlineData("-1")]
    [InlineData("+1")]
    [InlineData("1_000")]
    [InlineData("1,5Gi")]
    [InlineData("1e9")]
    [InlineData("1m")]
    [InlineData("1g")]
    [InlineData("1ki")]
    [InlineData("1GB1")]
    [InlineData("1BB")]
    [InlineData("0x10")]
    [InlineData("٣Gi")]
    [InlineData("8Ei")]
    [InlineData("9223372036854775808")]
    [InlineData("99999999999999999999Ei")]
    [InlineData("1.0000000001Gi")]
    public void What_is_not_a_size_or_too_large_for_one_is_refused(string text)
    {
        Assert.False(ByteSize.TryParse(text, out _));
    }

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(1023, "1023 B")]
    [InlineData(1024, "1 KiB")]
    [InlineData(1610612736, "1.5 GiB")]
    [InlineData(10L << 30, "10 GiB")]
    [InlineData((1L << 30) - 1, "1 GiB")]
    [InlineData(1288490189, "1.2 GiB")]
    [InlineData(-1610612736, "-1.5 GiB")]
    [InlineData(long.MaxValue, "8 EiB")]
    [InlineData(long.MinValue, "-8 EiB")]
    public void A_size_is_shown_in_the_largest_unit_that_is_not_a_fraction(long bytes, string text)
    {
        Assert.Equal(text, ByteSize.Format(bytes));
    }
}

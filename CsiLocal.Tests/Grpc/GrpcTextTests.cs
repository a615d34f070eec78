using CsiLocal.Grpc;
using Xunit;

namespace CsiLocal.Tests.Grpc;

/// <summary>The two text forms of the protocol: timeouts and status messages.</summary>
public sealed class GrpcTextTests
{
    [Theory]
    [InlineData("1H", 36_000_000_000)]
    [InlineData("2M", 1_200_000_000)]
    [InlineData("3S", 30_000_000)]
    [InlineData("4m", 40_000)]
    [InlineData("5u", 50)]
    [InlineData("600n", 6)]
    [InlineData("1n", 1)]
    [InlineData("0n", 0)]
    [InlineData("00000001S", 10_000_000)]
    [InlineData("99999999H", 3_599_999_964_000_000_000)]
    public void Timeout_is_read_in_every_unit(string text, long ticks)
    {
        Assert.True(GrpcTimeout.TryParse(text, out var timeout));
        Assert.Equal(ticks, timeout.Ticks);
    }

    [Theory]
    [InlineData("")]
    [InlineData("S")]
    [InlineData("1")]
    [InlineData("1s")]
    [InlineData("+1S")]
    [InlineData(" 1S")]
    [InlineData("1.5S")]
    [InlineData("100000000S")]
    public void Text_that_is_no_timeout_is_refused(string text) => Assert.False(GrpcTimeout.TryParse(text, out _));

    [Theory]
    [InlineData(0, "0u")]
    [InlineData(1, "1u")]
    [InlineData(300_000_000, "30000000u")]
    [InlineData(1_200_000_000, "120000m")]
    [InlineData(long.MaxValue, "99999999H")]
    public void Timeout_is_written_in_the_finest_unit_that_fits(long ticks, string text) =>
        Assert.Equal(text, GrpcTimeout.Format(TimeSpan.FromTicks(ticks)));

    [Theory]
    [InlineData("", "")]
    [InlineData("volume 'x' is busy", "volume 'x' is busy")]
    [InlineData("50%", "50%25")]
    [InlineData("a\nb", "a%0Ab")]
    [InlineData("\u00fc\u20ac", "%C3%BC%E2%82%AC")]
    public void Message_is_percent_encoded_and_comes_back(string text, string encoded)
    {
        Assert.Equal(encoded, GrpcMessageText.Encode(text));
        Assert.Equal(text, GrpcMessageText.Decode(encoded));
    }

    [Theory]
    [InlineData("100%")]
    [InlineData("100%zz")]
    [InlineData("%2")]
    public void Broken_escape_stays_as_it_is(string text) => Assert.Equal(text, GrpcMessageText.Decode(text));
}

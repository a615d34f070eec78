using CsiLocal.Configuration;
using Xunit;

namespace CsiLocal.Tests.Configuration;

public sealed class DurationTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("0s", 0)]
    [InlineData("500ms", 0.5)]
    [InlineData("10s", 10)]
    [InlineData("5m", 300)]
    [InlineData("24h", 86_400)]
    [InlineData("30d", 2_592_000)]
    public void A_duration_is_a_whole_number_and_a_unit(string text, double seconds)
    {
        Assert.True(Duration.TryParse(text, out var parsed));
        Assert.Equal(TimeSpan.FromSeconds(seconds), parsed);
    }

    [Theory]
    [InlineData("")]
    [InlineData("10")]
    [InlineData("s")]
    [InlineData("-1s")]
    [InlineData("1.5h")]
    [InlineData("1h30m")]
    [InlineData("10 s")]
    [InlineData("10S")]
    [InlineData("1w")]
    [InlineData("36501d")]
    [InlineData("99999999999999999999d")]
    public void What_is_not_a_duration_is_refused(string text)
    {
        Assert.False(Duration.TryParse(text, out _));
    }

    [Theory]
    [InlineData(0, "0s")]
    [InlineData(500, "500ms")]
    [InlineData(90_000, "90s")]
    [InlineData(86_400_000, "1d")]
    [InlineData(90_000_000, "25h")]
    public void A_duration_is_shown_in_the_largest_unit_that_is_exact(long milliseconds, string text)
    {
        Assert.Equal(text, Duration.Format(TimeSpan.FromMilliseconds(milliseconds)));
    }
}

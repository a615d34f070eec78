namespace CsiLocal.Backends.Lvm;

/// <summary>How fast something fills, from what it held at the last few looks. Immutable.</summary>
internal sealed class GrowthRate
{
    public static readonly GrowthRate None = new([]);

    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    private readonly Sample[] samples;

    private GrowthRate(Sample[] samples)
    {
        this.samples = samples;
        BytesPerSecond = Highest(samples);
    }

    /// <summary>The higher of the rate since the last look and that over the whole window: a burst counts at once, and is not forgotten at once. Never negative.</summary>
    public double BytesPerSecond { get; }

    /// <summary>With one more look.</summary>
    /// <param name="at">Time since any fixed moment.</param>
    /// <param name="usedBytes">What it holds now.</param>
    public GrowthRate With(TimeSpan at, long usedBytes)
    {
        // One sample beyond the window, so that slow turns still have two to compare.
        var first = samples.Length;
        while (first > 0 && at - samples[first - 1].At < Window)
            first--;
        return new GrowthRate([.. samples.AsSpan(Math.Max(0, first - 1)), new Sample(at, usedBytes)]);
    }

    private static double Highest(Sample[] samples) => samples.Length < 2
        ? 0
        : Math.Max(0, Math.Max(Between(samples[^2], samples[^1]), Between(samples[0], samples[^1])));

    private static double Between(Sample earlier, Sample later)
    {
        var seconds = (later.At - earlier.At).TotalSeconds;
        return seconds <= 0 ? 0 : (later.UsedBytes - earlier.UsedBytes) / seconds;
    }

    private readonly record struct Sample(TimeSpan At, long UsedBytes);
}

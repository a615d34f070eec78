using System.Diagnostics.Metrics;

namespace CsiLocal.Diagnostics;

/// <summary>What the daemon counts, for whoever listens to its meter.</summary>
internal static class Metrics
{
    public const string MeterName = "csilocal";

    private static readonly Meter s_meter = new(MeterName);

    /// <summary>Events that a person may have to look at; the tag "what" says of which kind.</summary>
    public static Counter<long> Attention { get; } = s_meter.CreateCounter<long>("csilocal.attention", "{event}", "Events that a person may have to look at");
}

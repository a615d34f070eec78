using CsiLocal.Backends;

namespace CsiLocal.Tests.Fakes;

/// <summary>Keeps what a copy reports.</summary>
internal sealed class RecordedProgress : ICopyProgress
{
    public long ResumeFrom { get; init; }

    /// <summary>Called after each report; may throw or cancel.</summary>
    public Action<long> OnReport { get; init; } = _ => { };

    public List<(long Done, long Total)> Reports { get; } = [];

    public List<string?> Freezes { get; } = [];

    public void Report(long doneBytes, long totalBytes)
    {
        Reports.Add((doneBytes, totalBytes));
        OnReport(doneBytes);
    }

    public void RecordFreeze(string? path) => Freezes.Add(path);
}

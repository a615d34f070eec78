using CsiLocal.Backends;

namespace CsiLocal.Tests.Fakes;

/// <summary>Keeps what an erasure reports.</summary>
internal sealed class RecordedErasure : IEraseProgress
{
    public long ResumeFrom { get; init; }

    /// <summary>Called after each report; may throw.</summary>
    public Action<long, long> OnReport { get; init; } = static (_, _) => { };

    public List<(long Done, long Total)> Reports { get; } = [];

    public Task ReportAsync(long doneBytes, long totalBytes, CancellationToken cancellationToken)
    {
        Reports.Add((doneBytes, totalBytes));
        OnReport(doneBytes, totalBytes);
        return Task.CompletedTask;
    }
}

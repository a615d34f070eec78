namespace CsiLocal.Backends.Lvm;

/// <summary>For work that is over in a moment.</summary>
internal sealed class NoProgress : ICopyProgress
{
    public long ResumeFrom { get; init; }

    public void Report(long doneBytes, long totalBytes)
    {
    }

    public void RecordFreeze(string? path)
    {
    }
}

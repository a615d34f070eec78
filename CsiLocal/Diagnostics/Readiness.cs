namespace CsiLocal.Diagnostics;

/// <summary>Whether calls are served: false until the start is complete and from the beginning of the stop.</summary>
internal sealed class Readiness
{
    private volatile string? reason = "starting";

    public bool IsReady => reason is null;

    /// <summary>Why not, for people; null when ready.</summary>
    public string? Reason => reason;

    public void SetReady() => reason = null;

    public void SetNotReady(string why) => reason = why;
}

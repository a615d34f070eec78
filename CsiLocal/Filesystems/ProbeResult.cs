using CsiLocal.Volumes;

namespace CsiLocal.Filesystems;

/// <summary>What lies on a device.</summary>
internal abstract record ProbeResult
{
    private ProbeResult()
    {
    }

    /// <summary>Nothing was found, and everything looked at could be read.</summary>
    public sealed record Blank : ProbeResult;

    /// <summary>One of the file systems this driver makes.</summary>
    public sealed record Filesystem(FilesystemType Type, Guid? Uuid, string? Label) : ProbeResult;

    /// <summary>Anything else.</summary>
    public sealed record OtherSignature(string What) : ProbeResult;

    /// <summary>Something could not be read, or contradicts itself: nothing may be concluded.</summary>
    public sealed record Unreadable(string Reason) : ProbeResult;

    /// <summary>In words, for messages.</summary>
    public string Describe() => this switch
    {
        Blank => "nothing",
        Filesystem f => $"{f.Type.ToString().ToLowerInvariant()} with UUID {f.Uuid?.ToString() ?? "(none)"}",
        OtherSignature o => o.What,
        Unreadable u => $"something unreadable ({u.Reason})",
        _ => throw new InvalidOperationException(),
    };
}

namespace CsiLocal.Backends.Lvm;

/// <summary>Status of a thin target.</summary>
/// <param name="IsFailed">Its pool has failed, or its mapping cannot be read.</param>
/// <param name="MappedBytes">What it takes in the pool, blocks shared with snapshots included.</param>
internal sealed record ThinStatus(bool IsFailed, long MappedBytes)
{
    /// <exception cref="FormatException">Not the status of a thin volume.</exception>
    public static ThinStatus Parse(string parameters)
    {
        // dm-thin.c, thin_status; a dash: it has no mapping at all yet.
        var words = new TargetStatus("thin", parameters);
        return words[0] switch
        {
            "Fail" or "Error" => new ThinStatus(true, 0),
            "-" => new ThinStatus(false, 0),
            _ => new ThinStatus(false, checked(words.Number(0) * 512)),
        };
    }
}

namespace CsiLocal.Volumes;

/// <summary>Who made something that is to be adopted.</summary>
internal enum ForeignLayout
{
    /// <summary>A person, or a program that is not known here.</summary>
    Plain,
    TopoLvm,
    OpenEbsLvm,
    CsiDriverLvm,
    LocalPath,
}

/// <summary>What other drivers call their volumes, and what has to be done with the objects that they keep in Kubernetes.</summary>
/// <remarks>
/// TopoLVM 0.41: the UID of its LogicalVolume. OpenEBS lvm-localpv 1.10: the name of the PersistentVolume. csi-driver-lvm 0.8: the same, and a tag.
/// local-path-provisioner 0.0.37: <c>PV_NAMESPACE_CLAIM</c>, unless a pathPattern says otherwise.
/// </remarks>
internal static class ForeignLayouts
{
    private const string DriverTag = "lv.metal-stack.io/csi-lvm"; // "-driver" since 0.4
    private const string Guide = "docs/adopt.md tells it step by step";

    public static IReadOnlyList<string> Words { get; } = ["topolvm", "openebs-lvm", "csi-driver-lvm", "local-path", "plain"];

    public static string WordOf(ForeignLayout layout) => layout switch
    {
        ForeignLayout.Plain => "plain",
        ForeignLayout.TopoLvm => "topolvm",
        ForeignLayout.OpenEbsLvm => "openebs-lvm",
        ForeignLayout.CsiDriverLvm => "csi-driver-lvm",
        ForeignLayout.LocalPath => "local-path",
        _ => throw new ArgumentOutOfRangeException(nameof(layout), layout, null),
    };

    /// <summary>null: not such a word.</summary>
    public static ForeignLayout? Parse(string word)
    {
        foreach (var layout in Enum.GetValues<ForeignLayout>())
        {
            if (WordOf(layout) == word)
                return layout;
        }

        return null;
    }

    /// <summary>By its name and tags.</summary>
    public static ForeignLayout Recognise(AdoptionCandidate candidate)
    {
        if (candidate.Source.IsPath)
            return candidate.DevicePath is null && LocalPathParts(candidate.Source.Name) is not null ? ForeignLayout.LocalPath : ForeignLayout.Plain;
        if (candidate.Tags.Any(static tag => tag.StartsWith(DriverTag, StringComparison.Ordinal)))
            return ForeignLayout.CsiDriverLvm;
        if (Guid.TryParseExact(candidate.Source.Name, "D", out _))
            return ForeignLayout.TopoLvm;
        return IsPersistentVolume(candidate.Source.Name) ? ForeignLayout.OpenEbsLvm : ForeignLayout.Plain;
    }

    /// <summary>The one that was asked for, if it can be that.</summary>
    /// <exception cref="StorageException">FailedPrecondition: that driver gives no such names.</exception>
    public static ForeignLayout Choose(string attempted, ForeignLayout? asked, AdoptionCandidate candidate)
    {
        var recognised = Recognise(candidate);
        if (asked is not { } layout || layout == recognised || layout == ForeignLayout.Plain)
            return asked ?? recognised;

        // Two drivers name their volumes alike, and older versions of one of them set another tag.
        var fits = !candidate.Source.IsPath && IsPersistentVolume(candidate.Source.Name)
            && layout is ForeignLayout.OpenEbsLvm or ForeignLayout.CsiDriverLvm;
        return fits
            ? layout
            : throw new StorageException(
                StorageError.FailedPrecondition,
                $"{attempted}: {candidate.Source.Text} has not the name of a volume of {WordOf(layout)}; it looks like {WordOf(recognised)}",
                $"leave --from out, or say --from {WordOf(ForeignLayout.Plain)}");
    }

    /// <summary>The name of the volume where none is asked for: that of the PersistentVolume where it can be told.</summary>
    /// <param name="name">Last component of the source.</param>
    public static string DefaultName(string name) =>
        LocalPathParts(name) is { } parts ? parts.Volume
        : Path.GetExtension(name) is ".img" or ".raw" && name.Length > ".img".Length ? Path.GetFileNameWithoutExtension(name)
        : name;

    /// <summary>What is to be done with what its former driver keeps elsewhere.</summary>
    public static IEnumerable<string> Advice(ForeignLayout layout, ForeignSource source) => layout switch
    {
        ForeignLayout.Plain => [],
        ForeignLayout.TopoLvm =>
            [$"TopoLVM finds nothing by the name {source.Name} any more: delete the old claim, its PersistentVolume and the LogicalVolume with status.volumeID {source.Name}; {Guide}"],
        ForeignLayout.OpenEbsLvm =>
            [$"OpenEBS finds nothing by the name {source.Name} any more: delete the old claim, its PersistentVolume and the LVMVolume {source.Name}; {Guide}"],
        ForeignLayout.CsiDriverLvm =>
            [$"csi-driver-lvm finds nothing by the name {source.Name} any more: delete the old claim and its PersistentVolume; {Guide}"],
        ForeignLayout.LocalPath => LocalPathParts(source.Name) is { } parts
            ? [$"it was of the claim {parts.Namespace}/{parts.Claim}: delete that and its PersistentVolume {parts.Volume}; {Guide}"]
            : [],
        _ => throw new ArgumentOutOfRangeException(nameof(layout), layout, null),
    };

    // Kubernetes allows no underscore in any of the three names.
    private static (string Volume, string Namespace, string Claim)? LocalPathParts(string name) =>
        name.Split('_') is [var volume, { Length: > 0 } space, { Length: > 0 } claim] && IsPersistentVolume(volume) ? (volume, space, claim) : null;

    // As external-provisioner and the in-tree controller call what they make.
    private static bool IsPersistentVolume(string name) =>
        name.StartsWith("pvc-", StringComparison.Ordinal) && Guid.TryParseExact(name.AsSpan("pvc-".Length), "D", out _);
}

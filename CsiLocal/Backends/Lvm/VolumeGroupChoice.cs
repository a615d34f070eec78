using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>Which of the volume groups that a scan found is meant by a name, or by the UUID that was pinned at first sight (design §5). Pure.</summary>
internal static class VolumeGroupChoice
{
    /// <param name="found">Every volume group of the machine.</param>
    /// <param name="name">As configured.</param>
    /// <param name="knownUuid">The one it was when it was last seen; null: never seen.</param>
    /// <returns>null where there is none of that name, and none is known.</returns>
    /// <exception cref="StorageException">Unavailable: the known one is away or has another name, or there are namesakes.</exception>
    public static VolumeGroupRef? Choose(IReadOnlyList<FoundVolumeGroup> found, string name, string? knownUuid)
    {
        var namesakes = found.Where(group => group.Name == name).ToList();
        if (knownUuid is not null)
            return ToRef(found.FirstOrDefault(group => group.Uuid == knownUuid) ?? throw Away(name, knownUuid, namesakes), name);

        return namesakes switch
        {
            [] => null,
            [var only] => ToRef(only, name),
            _ => throw Ambiguous(name, namesakes),
        };
    }

    // Not followed to its new name: the configuration, which another node's administrator reads, would name something else than what is used.
    private static VolumeGroupRef ToRef(FoundVolumeGroup group, string name) => group.Name == name
        ? new VolumeGroupRef(group.Name, group.Uuid, group.Devices)
        : throw new StorageException(
            StorageError.Unavailable, $"open volume group '{name}': the one with its UUID {group.Uuid} is now named '{group.Name}'",
            $"rename it back: vgrename {group.Uuid} {name}");

    private static StorageException Away(string name, string uuid, List<FoundVolumeGroup> namesakes) => namesakes.Count == 0
        ? new StorageException(
            StorageError.Unavailable, $"open volume group '{name}': none of this machine's devices carries it (UUID {uuid})",
            "bring back its disks; lvmdiskscan and dmesg show what the machine sees")
        : new StorageException(
            StorageError.Unavailable,
            $"open volume group '{name}': the one that is known has the UUID {uuid}, which no device carries; there is another of that name, {Uuids(namesakes)}",
            "bring back the disks of the known one, or give the other a pool of another name");

    private static StorageException Ambiguous(string name, List<FoundVolumeGroup> namesakes) => new(
        StorageError.Unavailable,
        $"open volume group '{name}': {namesakes.Count} volume groups have that name, and none was seen before: {Uuids(namesakes)}",
        $"rename what is not meant: vgrename {namesakes[^1].Uuid} NEWNAME");

    private static string Uuids(List<FoundVolumeGroup> groups) =>
        string.Join("; ", groups.Select(static group => $"{group.Uuid} on {string.Join(", ", group.Devices)}"));
}

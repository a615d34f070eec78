using CsiLocal.Admin.V1;
using CsiLocal.Volumes;
using Proto = Csi.V1;

namespace CsiLocal.Cli.Daemon;

/// <summary>What people call a volume or a snapshot, to what the daemon calls it.</summary>
/// <remarks>Ids are minted from names, so a name needs no search. What looks like an id and is none may be a name.</remarks>
internal static class References
{
    /// <exception cref="CliException">There is no such volume.</exception>
    public static async Task<VolumeDetail> VolumeAsync(DaemonClient daemon, string nameOrId, CancellationToken cancellationToken)
    {
        if (VolumeId.TryParse(nameOrId, out var id) && await daemon.FindVolumeDetailAsync(id.Value, cancellationToken) is { } byId)
            return byId;

        return await daemon.FindVolumeDetailAsync(VolumeId.Mint(nameOrId).Value, cancellationToken)
            ?? throw new CliException(ExitCode.NotFound, $"no volume has the name or id '{nameOrId}'", "'csilocal volume list' shows them");
    }

    /// <exception cref="CliException">There is no such snapshot.</exception>
    public static async Task<Proto.Snapshot> SnapshotAsync(DaemonClient daemon, string nameOrId, CancellationToken cancellationToken)
    {
        if (SnapshotId.TryParse(nameOrId, out var id) && await daemon.FindSnapshotAsync(id.Value, cancellationToken) is { } byId)
            return byId;

        return await daemon.FindSnapshotAsync(SnapshotId.Mint(nameOrId).Value, cancellationToken)
            ?? throw new CliException(ExitCode.NotFound, $"no snapshot has the name or id '{nameOrId}'",
                "'csilocal snapshot list' shows them");
    }
}

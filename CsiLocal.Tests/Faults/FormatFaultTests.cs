using System.Security.Cryptography;
using CsiLocal.Tests.Support;
using CsiLocal.Tests.Support.Lvm;
using CsiLocal.Tools;
using Csi.V1;
using Grpc.Core;
using Xunit;
using static CsiLocal.Tests.Support.Requests;

namespace CsiLocal.Tests.Faults;

public sealed class FormatFaultsOnImages : FormatFaultTests<ImagePool>;

public sealed class FormatFaultsOnThickLvm : FormatFaultTests<ThickLvmPool>;

public sealed class FormatFaultsOnThinLvm : FormatFaultTests<ThinLvmPool>;

/// <summary>An mkfs of ours that did half of its work, and data of others where one is due. Whole commands that fail are points of the sweep.</summary>
public abstract class FormatFaultTests<TPool> : FaultTest<TPool>
    where TPool : TestPool, new()
{
    [Theory(Timeout = Limit)]
    [InlineData("ext4", 32, true)]
    [InlineData("ext4", 32, false)]
    [InlineData("xfs", 320, true)]
    [InlineData("btrfs", 160, false)]
    public async Task An_mkfs_killed_half_way_is_started_over_from_blank(string filesystem, int sizeMiB, bool restart)
    {
        var capability = Mount(filesystem: filesystem);
        var volume = await CreateAsync(Create("data", capability, sizeMiB * MiB));
        Faults.Once($"mkfs.{filesystem}", async (command, run) =>
        {
            await run();
            EraseSuperblock(command.Arguments[^1], filesystem);
            throw new ToolException(command, ToolFailure.TimedOut, "killed half-way");
        });

        await FailsAsync(StatusCode.Aborted, Node.NodeStageVolumeAsync(Stage(volume, StagingOf(volume), capability)), "uncertain");
        if (restart)
            await Driver.RestartAsync();

        var target = await MountAsync(volume, capability);
        Write(Path.Combine(target, "file"), seed: 3);
        Assert.Equal(2, Faults.Count($"mkfs.{filesystem}"));
        await UnmountAsync(volume, target);
        await RequireNothingLeftAsync(volume);
    }

    [Theory(Timeout = Limit)]
    [InlineData("mkfs.xfs", false)]
    [InlineData("mkfs.ext4", false)]
    [InlineData("mkswap", false)]
    [InlineData("bytes", false)]
    [InlineData("mkfs.xfs", true)]
    [InlineData("mkfs.ext4", true)]
    [InlineData("mkswap", true)]
    public async Task Foreign_data_on_a_volume_is_never_formatted_over(string foreign, bool afterOwnMkfsFailed)
    {
        var volume = await CreateAsync(Create("data", Mount(), 320 * MiB));
        if (afterOwnMkfsFailed)
        {
            Faults.Once("mkfs.ext4", Fault("failed before"));
            await FailsAsync(StatusCode.Internal, Node.NodeStageVolumeAsync(Stage(volume, StagingOf(volume), Mount())));
        }

        if (foreign == "bytes")
            Write(Pool.ContentOf(volume.VolumeId), seed: 4);
        else
            HostCommand.Run(foreign, ["-q", .. foreign == "mkfs.ext4" ? new[] { "-F" } : [], Pool.ContentOf(volume.VolumeId)]);

        var before = await DigestAsync(Pool.ContentOf(volume.VolumeId));
        var formatted = Faults.Count("mkfs.ext4");
        await FailsAsync(StatusCode.DataLoss, Node.NodeStageVolumeAsync(Stage(volume, StagingOf(volume), Mount())), volume.VolumeId);
        await Driver.RestartAsync();
        await FailsAsync(StatusCode.DataLoss, Node.NodeStageVolumeAsync(Stage(volume, StagingOf(volume), Mount())), volume.VolumeId);

        Assert.Equal(before, await DigestAsync(Pool.ContentOf(volume.VolumeId)));
        Assert.Equal(formatted, Faults.Count("mkfs.ext4"));
        Assert.Empty(Pool.DevicesInUse());
    }

    /// <summary>What an mkfs writes last: until then its work is not recognisable.</summary>
    private static void EraseSuperblock(string device, string filesystem)
    {
        using var file = File.Open(device, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        file.Position = filesystem == "btrfs" ? 64 << 10 : 0;
        file.Write(new byte[4096]);
        if (filesystem == "btrfs")
        {
            file.Position = 64 << 20;
            file.Write(new byte[4096]);
        }

        file.Flush(flushToDisk: true);
    }

    private static async Task<string> DigestAsync(string path)
    {
        await using var file = File.OpenRead(path);
        return Convert.ToHexString(await SHA256.HashDataAsync(file));
    }

    private async Task RequireNothingLeftAsync(Volume volume)
    {
        await Controller.DeleteVolumeAsync(new() { VolumeId = volume.VolumeId });
        Assert.Empty(Driver.Mounts());
        Assert.Empty(Pool.DevicesInUse());
        Assert.Empty((await Controller.ListVolumesAsync(new())).Entries);
        Assert.Empty(Pool.Volumes());
    }
}

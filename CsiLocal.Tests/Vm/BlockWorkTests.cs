using System.Security.Cryptography;
using CsiLocal.Backends.Lvm;
using CsiLocal.Filesystems;
using CsiLocal.Native;
using CsiLocal.Tests.Fakes;
using CsiLocal.Tests.Support;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Vm;

/// <summary>Erasing, copying and finding holders, on logical volumes; the details are proved on loop devices.</summary>
[Trait("Needs", "vm")]
public sealed class BlockWorkTests
{
    private const int Limit = 180_000;
    private const long MiB = 1 << 20;

    private readonly DeviceMapper _mapper = new();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory(Timeout = Limit)]
    [InlineData("linear")]
    [InlineData("raid1")]
    [InlineData("raid5")]
    public async Task Whole_volume_reads_zero_after_it_was_erased(string type)
    {
        using var group = new VolumeGroup(disks: 3);
        group.Create("v", "--size", "64m", "--type", type);
        var device = Attached(group, "v");
        Fill(device, 0xEE);

        await BlockErase.ZeroAsync("create volume v", device, new RecordedProgress(), Cancelled);

        Assert.True(ReadsZero(device, 0));
    }

    [Fact(Timeout = Limit)]
    public async Task Thin_copy_of_a_thick_volume_takes_space_for_data_only()
    {
        using var group = new VolumeGroup(disks: 2);
        group.Create("source", "--size", "128m");
        HostCommand.Run("lvcreate", "--quiet", "--yes", "--type", "thin-pool", "--size", "256m", "--chunksize", "64k", "--name", "pool", group.Name);
        HostCommand.Run("lvcreate", "--quiet", "--thin", "--virtualsize", "192m", "--name", "target", $"{group.Name}/pool");
        var (source, target) = (Attached(group, "source"), Attached(group, "target"));
        await BlockErase.ZeroAsync("create volume v", source, new RecordedProgress(), Cancelled);
        using (var device = BlockDevice.Open(source.Path, BlockOpen.Write))
        {
            device.Write(50 * MiB, RandomNumberGenerator.GetBytes((int)(8 * MiB)));
            device.Flush();
        }

        await BlockCopy.RunAsync(
            new BlockCopyJob { Attempted = "create volume v", From = source, To = target, TargetReadsZero = true, ResumeFrom = 0 }, new RecordedProgress(), Cancelled);

        Assert.Equal(Digest(source, source.SizeBytes), Digest(target, source.SizeBytes));
        var uuid = _mapper.FindByName($"{group.Name}-target")!.Uuid;
        Assert.Equal(8 * MiB, ThinStatus.Parse(Assert.Single(_mapper.Status(uuid)).Parameters).MappedBytes);
    }

    [Fact(Timeout = Limit)]
    public async Task Thick_copy_of_a_snapshot_is_the_volume_of_that_moment()
    {
        using var group = new VolumeGroup(disks: 2);
        group.Create("source", "--size", "64m");
        group.Create("target", "--size", "96m");
        Fill(Attached(group, "source"), 0x11);
        Fill(Attached(group, "target"), 0xEE);
        HostCommand.Run("lvcreate", "--quiet", "--snapshot", "--size", "96m", "--name", "snap", $"{group.Name}/source");
        Fill(Attached(group, "source"), 0x22);
        var (snapshot, target) = (Attached(group, "snap"), Attached(group, "target"));

        await BlockCopy.RunAsync(
            new BlockCopyJob { Attempted = "create volume v", From = snapshot, To = target, TargetReadsZero = false, ResumeFrom = 0 }, new RecordedProgress(), Cancelled);

        using var device = BlockDevice.Open(target.Path);
        var bytes = new byte[64 * MiB];
        device.Read(0, bytes);
        Assert.False(bytes.AsSpan().ContainsAnyExcept((byte)0x11));
        Assert.True(ReadsZero(target, 64 * MiB));
    }

    [Fact(Timeout = Limit)]
    public void Device_on_top_of_a_volume_is_named_and_keeps_it_from_being_erased()
    {
        using var group = new VolumeGroup();
        group.Create("v", "--size", "64m");
        var device = Attached(group, "v");
        using var upper = new DmsetupDevice([], $"0 2048 linear {device.Path} 0");

        var e = Assert.Throws<StorageException>(() => BlockErase.ClearSignatures("create volume v", device));

        Assert.Equal(StorageError.FailedPrecondition, e.Error);
        Assert.Contains($"({upper.Name})", e.Message, StringComparison.Ordinal);
        Assert.Equal(1, _mapper.FindByName($"{group.Name}-v")!.OpenCount);
    }

    [Fact(Timeout = Limit)]
    public void Swap_on_a_volume_is_named()
    {
        using var group = new VolumeGroup();
        group.Create("v", "--size", "64m");
        var device = Attached(group, "v");
        HostCommand.Run("mkswap", device.Path);
        HostCommand.Run("swapon", device.Path);
        try
        {
            Assert.Equal("swap", DeviceHolders.Describe(device.DeviceNumber));
        }
        finally
        {
            HostCommand.Run("swapoff", device.Path);
        }
    }

    private Attachment Attached(VolumeGroup group, string name)
    {
        var device = _mapper.FindByName($"{group.Name}-{name}")!;
        return new Attachment(_mapper.NodeOf(device), IsBlockDevice: true, device.DeviceNumber, device.SizeBytes);
    }

    private static void Fill(Attachment target, byte value)
    {
        using var device = BlockDevice.Open(target.Path, BlockOpen.Write);
        var bytes = new byte[target.SizeBytes];
        Array.Fill(bytes, value);
        device.Write(0, bytes);
        device.Flush();
    }

    private static bool ReadsZero(Attachment target, long from)
    {
        using var device = BlockDevice.Open(target.Path);
        var bytes = new byte[target.SizeBytes - from];
        device.Read(from, bytes);
        return !bytes.AsSpan().ContainsAnyExcept((byte)0);
    }

    private static string Digest(Attachment target, long length)
    {
        using var device = BlockDevice.Open(target.Path);
        var bytes = new byte[length];
        device.Read(0, bytes);
        return Convert.ToHexString(SHA256.HashData(bytes));
    }
}

using System.Diagnostics;
using CsiLocal.Backends.Lvm;
using CsiLocal.Native;
using CsiLocal.Tests.Support;
using Xunit;

namespace CsiLocal.Tests.Vm;

/// <summary>What the kernel's device-mapper is asked, against devices that LVM and dmsetup made.</summary>
[Trait("Needs", "vm")]
public sealed class DeviceMapperTests
{
    private const int Limit = 120_000;
    private const long MiB = 1 << 20;

    private readonly DeviceMapper _mapper = new();

    [Fact(Timeout = Limit)]
    public void Logical_volume_is_found_by_the_name_and_the_UUID_that_LVM_gives_its_device()
    {
        using var group = new VolumeGroup();
        var path = group.Create("v-1", "--size", "64m");
        var uuids = HostCommand.Run("lvs", "--noheadings", "--options", "vg_uuid,lv_uuid", $"{group.Name}/v-1").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        _mapper.Probe();

        var device = _mapper.FindByName($"{group.Name}-v--1");

        Assert.NotNull(device);
        Assert.Equal($"LVM-{uuids[0].Replace("-", "")}{uuids[1].Trim().Replace("-", "")}", device.Uuid);
        Assert.Equal(new DmDevice($"{group.Name}-v--1", device.Uuid, FileStatus.FindFollowing(path)!.Value.DeviceNumber, 64 * MiB, 0, false, false), device);
        Assert.Equal(device, _mapper.FindByUuid(device.Uuid));
        Assert.Equal($"/dev/mapper/{device.Name}", _mapper.NodeOf(device));
        using (BlockDevice.Open(path))
            Assert.Equal(1, _mapper.FindByUuid(device.Uuid)!.OpenCount);
    }

    [Fact(Timeout = Limit)]
    public void What_is_not_active_is_not_found()
    {
        using var group = new VolumeGroup();
        group.Create("off", "--size", "64m");
        var uuid = _mapper.FindByName($"{group.Name}-off")!.Uuid;
        HostCommand.Run("lvchange", "--activate", "n", $"{group.Name}/off");

        Assert.Null(_mapper.FindByName($"{group.Name}-off"));
        Assert.Null(_mapper.FindByUuid(uuid));
        Assert.Empty(_mapper.Status(uuid));
    }

    [Fact(Timeout = Limit)]
    public void Device_that_has_no_table_yet_is_not_active()
    {
        using var device = new DmsetupDevice(["--notable"]);

        Assert.Null(_mapper.FindByName(device.Name));
        Assert.Empty(_mapper.Status(device.Uuid));
    }

    [Fact(Timeout = Limit)]
    public void Table_of_many_targets_is_read_whole()
    {
        using var device = new DmsetupDevice([], [.. Enumerable.Range(0, 1000).Select(i => $"{i * 8} 8 zero")]);

        Assert.Equal(1000 * 8 * 512, _mapper.FindByName(device.Name)!.SizeBytes);
        Assert.Equal(Enumerable.Range(0, 1000).Select(i => new DmTarget(i * 8, 8, "zero", "")), _mapper.Status(device.Uuid));
    }

    [Fact(Timeout = Limit)]
    public void Suspended_and_read_only_devices_are_told_and_not_waited_for()
    {
        using var device = new DmsetupDevice(["--readonly"], "0 2048 zero");
        HostCommand.Run("dmsetup", "suspend", device.Name);

        var found = _mapper.FindByName(device.Name)!;
        Assert.True(found is { IsReadOnly: true, IsSuspended: true });
        Assert.Single(_mapper.Status(device.Uuid));

        HostCommand.Run("dmsetup", "resume", device.Name);
        Assert.False(_mapper.FindByName(device.Name)!.IsSuspended);
    }

    [Fact(Timeout = Limit)]
    public void Node_below_dev_mapper_that_leads_elsewhere_is_passed_over()
    {
        using var group = new VolumeGroup();
        group.Create("a", "--size", "64m");
        group.Create("b", "--size", "64m");
        var (a, b) = (_mapper.FindByName($"{group.Name}-a")!, _mapper.FindByName($"{group.Name}-b")!);
        var (path, own) = ($"/dev/mapper/{a.Name}", $"/dev/dm-{FileStatus.MinorOf(a.DeviceNumber)}");
        Assert.Equal(path, _mapper.NodeOf(a));

        File.Delete(path);
        Assert.Equal(own, _mapper.NodeOf(a));
        File.WriteAllText(path, "somebody wrote to a device that was gone");
        Assert.Equal(own, _mapper.NodeOf(a));
        File.Delete(path);
        File.CreateSymbolicLink(path, _mapper.NodeOf(b));
        Assert.Equal(own, _mapper.NodeOf(a));

        File.Move(own, $"{own}.away");
        var e = Assert.Throws<NativeException>(() => _mapper.NodeOf(a));
        Assert.Contains("udev", e.Message, StringComparison.Ordinal);

        File.Move($"{own}.away", own);
        File.Delete(path);
        HostCommand.Run("dmsetup", "mknodes", a.Name);
        HostCommand.Run("udevadm", "trigger", "--settle", own);
    }

    [Fact(Timeout = Limit)]
    public void Thin_pool_and_its_volumes_tell_what_they_hold()
    {
        using var group = new VolumeGroup();
        HostCommand.Run("lvcreate", "--quiet", "--yes", "--type", "thin-pool", "--size", "512m", "--chunksize", "64k", "--name", "pool", group.Name);
        HostCommand.Run("lvcreate", "--quiet", "--thin", "--virtualsize", "1g", "--name", "thin", $"{group.Name}/pool");
        var thin = _mapper.FindByName($"{group.Name}-thin")!;
        Assert.Equal((1024 * MiB, new ThinStatus(false, 0)), (thin.SizeBytes, ThinOf(thin)));

        using (var device = BlockDevice.Open(_mapper.NodeOf(thin), BlockOpen.Write))
        {
            device.Write(100 * MiB, new byte[10 * MiB]);
            device.Flush();
        }

        Assert.Equal(new ThinStatus(false, 10 * MiB), ThinOf(thin));
        var pool = _mapper.FindByName($"{group.Name}-pool-tpool")!;
        var status = ThinPoolStatus.Parse(Assert.Single(_mapper.Status(pool.Uuid)).Parameters);
        Assert.Equal((160, 512 * 16), (status.UsedDataBlocks, status.TotalDataBlocks));
        Assert.True(status is { Mode: ThinPoolMode.Writable, DiscardPassdown: true, ErrorIfNoSpace: false, NeedsCheck: false, TransactionId: 1, MetadataLowBlocks: > 0 });
        Assert.InRange(status.UsedMetadataBlocks, 1, status.TotalMetadataBlocks / 2);

        using (var device = BlockDevice.Open(_mapper.NodeOf(thin), BlockOpen.Write))
            Assert.True(device.TryDiscard(0, thin.SizeBytes));
        Assert.Equal(new ThinStatus(false, 0), ThinOf(thin));
    }

    [Fact(Timeout = Limit)]
    public void Copy_on_write_snapshot_tells_how_much_of_its_reserve_is_used_and_when_it_is_lost()
    {
        using var group = new VolumeGroup();
        var origin = group.Create("origin", "--size", "64m");
        HostCommand.Run("lvcreate", "--quiet", "--snapshot", "--size", "16m", "--name", "snap", $"{group.Name}/origin");
        var uuid = _mapper.FindByName($"{group.Name}-snap")!.Uuid;
        Assert.True(CowOf(uuid) is { State: CowState.Valid, TotalBytes: 16 * MiB, UsedBytes: < MiB });

        Fill(origin, 8 * MiB);
        Assert.InRange(CowOf(uuid).UsedBytes, 8 * MiB, 9 * MiB);
        Assert.InRange(CowOf(uuid).Percent, 50, 57);

        Fill(origin, 32 * MiB);
        Assert.Equal(CowState.Invalid, CowOf(uuid).State);
    }

    [Fact(Timeout = Limit)]
    public async Task Mirror_tells_how_far_it_is_in_sync_and_that_an_image_failed()
    {
        using var group = new VolumeGroup(disks: 2);
        group.Create("mirror", "--size", "64m", "--type", "raid1");
        var uuid = _mapper.FindByName($"{group.Name}-mirror")!.Uuid;
        var waited = Stopwatch.StartNew();
        while (!RaidOf(uuid).IsInSync && waited.Elapsed < TimeSpan.FromMinutes(1))
            await Task.Delay(200, TestContext.Current.CancellationToken);
        Assert.True(RaidOf(uuid) is { Type: "raid1", IsInSync: true, Failed: 0, Redundancy: 1, Action: "idle" });

        var image = HostCommand.Run("dmsetup", "table", $"{group.Name}-mirror_rimage_1");
        HostCommand.Run("sh", "-c", "echo \"$1\" | dmsetup load \"$2\" && dmsetup suspend --noflush --nolockfs \"$2\" && dmsetup resume \"$2\"", "sh", "0 131072 error", $"{group.Name}-mirror_rimage_1");
        Fill($"/dev/{group.Name}/mirror", MiB);

        var status = RaidOf(uuid);
        Assert.Equal([RaidImage.InSync, RaidImage.Failed], status.Images);
        Assert.Equal(1, status.Failed);
        HostCommand.Run("sh", "-c", "echo \"$1\" | dmsetup load \"$2\" && dmsetup resume \"$2\"", "sh", image.Trim(), $"{group.Name}-mirror_rimage_1");
    }

    private ThinStatus ThinOf(DmDevice device) => ThinStatus.Parse(Assert.Single(_mapper.Status(device.Uuid)).Parameters);

    private CowSnapshotStatus CowOf(string uuid) => CowSnapshotStatus.Parse(Assert.Single(_mapper.Status(uuid)).Parameters);

    private RaidStatus RaidOf(string uuid) => RaidStatus.Parse(Assert.Single(_mapper.Status(uuid)).Parameters);

    private static void Fill(string path, long bytes)
    {
        using var device = BlockDevice.Open(path, BlockOpen.Write);
        var ones = new byte[bytes];
        Array.Fill(ones, (byte)1);
        device.Write(0, ones);
        device.Flush();
    }
}

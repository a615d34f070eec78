using CsiLocal.Native;
using CsiLocal.Tests.Support;

namespace CsiLocal.Tests.Fakes.Lvm;

/// <summary>vgcreate, vgextend and pvcreate, of real block devices: they get LVM's label, so that probes find it.</summary>
internal sealed class LvmDisks(LvmScope scope)
{
    public string CreateGroup()
    {
        var (name, devices) = Operands();
        if (scope.VisibleGroups().Any(group => group.Name == name))
            throw new LvmFailureException($"  A volume group called {name} already exists.\n");
        var said = "";
        var disks = devices.Select(device => Take(device, ref said)).ToList();
        scope.Emulator.Groups.Add(new EmulatedGroup(name, disks)
        {
            MetadataBytes = scope.Arguments.Has("metadatasize") ? scope.Arguments.Size("metadatasize") : 1044480,
        });
        return $"{said}  Volume group \"{name}\" successfully created\n";
    }

    public string ExtendGroup()
    {
        var (name, devices) = Operands();
        var group = scope.WritableGroup(name);
        var said = "";
        foreach (var device in devices)
        {
            if (scope.Arguments.Devices is { } visible && !visible.Contains(device))
                throw new LvmFailureException($"  Cannot use {device}: device is not in devices list\n");
            group.Add(Take(device, ref said));
        }

        return $"{said}  Volume group \"{name}\" successfully extended\n";
    }

    public string Prepare()
    {
        var said = "";
        foreach (var device in scope.Arguments.Operands)
            scope.Emulator.Prepared[device] = Make(device, ref said);
        return said;
    }

    private EmulatedDisk Take(string device, ref string said) =>
        scope.Emulator.Prepared.TryRemove(device, out var prepared) ? prepared : Make(device, ref said);

    private (string Name, IReadOnlyList<string> Devices) Operands() => scope.Arguments.Operands is [var name, _, ..]
        ? (name, [.. scope.Arguments.Operands.Skip(1)])
        : throw new LvmMisuseException($"{scope.Arguments.Command}: the VG and its devices");

    private EmulatedDisk Make(string device, ref string said)
    {
        if (scope.Emulator.Groups.FirstOrDefault(group => group.Disks.Any(disk => disk.Path == device)) is { } taken)
        {
            throw new LvmFailureException(
                $"  Physical volume '{device}' is already in volume group '{taken.Name}'\n  Unable to add physical volume '{device}' to volume group '{taken.Name}'\n"
                + $"  {device}: physical volume not initialized.\n");
        }

        if (FileStatus.FindFollowing(device) is not { IsBlockDevice: true })
            throw new LvmFailureException($"  No device found for {device}.\n");
        RequireBlank(device);
        long size;
        using (var opened = BlockDevice.Open(device))
            size = opened.SizeBytes;
        var disk = LvmEmulator.NewDisk(device, size);
        Label(device, disk.Uuid);
        said += $"  Physical volume \"{device}\" successfully created.\n";
        return disk;
    }

    // Without an answer it is no.
    private static void RequireBlank(string device)
    {
        using var blkid = HostCommand.Start("blkid", "--probe", "--output", "value", "--match-tag", "TYPE", device);
        var type = blkid.StandardOutput.ReadToEnd().Trim();
        blkid.WaitForExit();
        if (type.Length > 0)
        {
            throw new LvmFailureException(
                $"WARNING: {type} signature detected on {device} at offset 1080. Wipe it? [y/n]: [n]\n  Aborted wiping of {type}.\n"
                + $"  1 existing signature left on the device.\n  Aborting pvcreate on {device}.\n");
        }
    }

    /// <summary>The label in the second sector (lvm2, lib/label/label.h), as far as blkid looks.</summary>
    private static void Label(string device, string uuid)
    {
        var sector = new byte[512];
        "LABELONE"u8.CopyTo(sector);
        sector[8] = 1;
        sector[20] = 32;
        "LVM2 001"u8.CopyTo(sector.AsSpan(24));
        System.Text.Encoding.ASCII.GetBytes(uuid.Replace("-", "", StringComparison.Ordinal)).CopyTo(sector, 32);
        BitConverter.TryWriteBytes(sector.AsSpan(16), Checksum(sector.AsSpan(20)));
        using var file = File.OpenHandle(device, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        RandomAccess.Write(file, sector, 512);
        RandomAccess.FlushToDisk(file);
    }

    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        var crc = 0xf597a6cfu;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xedb88320u : crc >> 1;
        }

        return crc;
    }
}

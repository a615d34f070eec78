using System.Text;

namespace CsiLocal.Tests.Fakes.Lvm;

/// <summary>What one command sees: the volume groups on the devices it may look at.</summary>
internal sealed class LvmScope(LvmEmulator emulator, LvmArguments arguments)
{
    private readonly StringBuilder _warnings = new();

    public LvmEmulator Emulator { get; } = emulator;

    public LvmArguments Arguments { get; } = arguments;

    public string Warnings => _warnings.ToString();

    public bool Sees(EmulatedDisk disk) => !disk.IsMissing && Arguments.Devices?.Contains(disk.Path) is null or true;

    public IReadOnlyList<EmulatedGroup> VisibleGroups() =>
        [.. Emulator.Groups.Where(group => group.Disks.Any(Sees)).OrderBy(static group => group.Name, StringComparer.Ordinal)];

    /// <summary>The volume group that the command names.</summary>
    public EmulatedGroup Group(string name)
    {
        var found = VisibleGroups().Where(group => group.Name == name).ToList();
        switch (found)
        {
            case []:
                throw new LvmFailureException($"  Volume group \"{name}\" not found\n  Cannot process volume group {name}\n");
            case [var group]:
                Warn(group);
                return group;
            default:
                _warnings.Append($"  WARNING: VG name {name} is used by VGs {string.Join(" and ", found.Select(static group => group.Uuid))}.\n")
                    .Append("  Fix duplicate VG names with vgrename uuid, a device filter, or system IDs.\n");
                throw new LvmFailureException($"  Multiple VGs found with the same name: skipping {name}\n  Use --select vg_uuid=<uuid> in place of the VG name.\n");
        }
    }

    /// <summary>The volume group that a changing command names; it must be whole, and ours.</summary>
    public EmulatedGroup WritableGroup(string name)
    {
        var group = Group(name);
        if (group.IsExported)
            throw new LvmFailureException($"  Volume group {name} is exported\n");
        if (group.Disks.Any(disk => !Sees(disk)) && Arguments.Command is not ("lvchange" or "vgchange"))
        {
            throw new LvmFailureException(
                $"  Cannot change VG {name} while PVs are missing.\n  See vgreduce --removemissing and vgextend --restoremissing.\n  Cannot process volume group {name}\n");
        }

        return group;
    }

    /// <summary>"vg/lv", the only operand.</summary>
    public (EmulatedGroup Group, string Name) Volume()
    {
        if (Arguments.Operands is not [var path] || path.Split('/') is not [var group, var name])
            throw new LvmMisuseException($"{Arguments.Command} of '{string.Join(' ', Arguments.Operands)}': one VG/LV");
        return (WritableGroup(group), name);
    }

    public void Warn(string text) => _warnings.Append(text);

    private void Warn(EmulatedGroup group)
    {
        foreach (var disk in group.Disks.Where(disk => !Sees(disk)))
        {
            _warnings.Append($"  WARNING: Couldn't find device with uuid {disk.Uuid}.\n")
                .Append($"  WARNING: VG {group.Name} is missing PV {disk.Uuid} (last written to {disk.Path}).\n");
        }
    }
}

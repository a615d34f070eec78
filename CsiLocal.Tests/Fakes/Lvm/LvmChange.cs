namespace CsiLocal.Tests.Fakes.Lvm;

/// <summary>lvchange and vgchange</summary>
internal sealed class LvmChange(LvmScope scope)
{
    private readonly LvmArguments _arguments = scope.Arguments;

    /// <summary>lvm(8), TAGS</summary>
    public static void RequireTag(string tag)
    {
        if (tag.Length is 0 or > 1024 || tag.Any(static c => !char.IsAsciiLetterOrDigit(c) && !"_+.-/=!:&#".Contains(c, StringComparison.Ordinal)))
            throw new LvmFailureException($"  Invalid argument for --addtag: {tag}\n  Error during parsing of command line.\n", LvmFailureException.Invalid);
    }

    public string ChangeVolume()
    {
        var (group, name) = scope.Volume();
        if (group.Volumes.GetValueOrDefault(name) is not { IsHidden: false } volume)
            throw new LvmFailureException($"  Failed to find logical volume \"{group.Name}/{name}\"\n");

        if (_arguments.Has("refresh"))
        {
            if (!volume.IsActive)
                throw new LvmFailureException($"  {group.Name}/{name} not active.\n");
            volume.Health = '-';
            return "";
        }

        if (_arguments.Has("activate"))
        {
            if (_arguments.Answer("activate", otherwise: true))
                Activate(volume);
            else if (!EmulatedContent.TryDeactivate(volume))
                throw new LvmFailureException($"  Logical volume {group.Name}/{name} in use.\n");
            return "";
        }

        if (group.Disks.Any(disk => !scope.Sees(disk)))
        {
            throw new LvmFailureException(
                $"  Cannot change VG {group.Name} while PVs are missing.\n  See vgreduce --removemissing and vgextend --restoremissing.\n  Cannot process volume group {group.Name}\n");
        }

        ChangeTags(volume);
        return $"  Logical volume {group.Name}/{name} changed.\n";
    }

    public string ActivateGroup()
    {
        if (_arguments.Operands is not [var name] || !_arguments.Answer("activate", otherwise: false))
            throw new LvmMisuseException("vgchange --activate y of one VG");
        var group = scope.WritableGroup(name);
        var failed = false;
        foreach (var volume in group.Sorted.Where(static volume => !volume.IsHidden))
        {
            if (volume.SkipsActivation && !_arguments.Has("ignoreactivationskip"))
                continue;
            if (volume.CanActivate)
                EmulatedContent.Activate(volume);
            else
                failed = true;
            if (!volume.CanActivate)
                scope.Warn(Refusal(volume));
        }

        foreach (var part in group.Volumes.Values.Where(static volume => volume.Parent is { IsActive: true }))
            part.IsActive = true;
        var said = $"  {group.Volumes.Values.Count(static volume => !volume.IsHidden && volume.IsActive)} logical volume(s) in volume group \"{name}\" now active\n";
        return failed ? throw new LvmFailureException(said) : said;
    }

    private static string Refusal(EmulatedVolume volume) => volume.IsUnmade
        ? $"  device-mapper: reload ioctl on  ({volume.DmName}) failed: No data available\n"
        : volume.IsUncleared ? $"  Refusing activation of RAID LV {volume.Group.Name}/{volume.Name} with visible SubLVs.\n"
        : $"  Refusing activation of partial LV {volume.Group.Name}/{volume.Name}.  Use '--activationmode partial' to override.\n";

    private void Activate(EmulatedVolume volume)
    {
        if (volume.SkipsActivation && !_arguments.Has("ignoreactivationskip"))
            return;
        if (!volume.CanActivate)
            throw new LvmFailureException(Refusal(volume));
        if (volume.Pool is { } pool)
            pool.IsActive = true;
        EmulatedContent.Activate(volume);
    }

    private void ChangeTags(EmulatedVolume volume)
    {
        if (!_arguments.Has("addtag") && !_arguments.Has("deltag"))
            throw new LvmMisuseException("lvchange changes nothing");
        foreach (var tag in _arguments.Values("deltag"))
            volume.Tags.Remove(tag);
        foreach (var tag in _arguments.Values("addtag"))
        {
            RequireTag(tag);
            volume.Tags.Add(tag);
        }
    }
}

/// <summary>lvremove</summary>
internal sealed class LvmRemove(LvmScope scope)
{
    public string Run()
    {
        var (group, name) = scope.Volume();
        if (group.Volumes.GetValueOrDefault(name) is not { IsHidden: false } volume)
            throw new LvmFailureException($"  Failed to find logical volume \"{group.Name}/{name}\"\n");
        var row = new LvmRow(scope, group) { Volume = volume };
        return LvmSelection.Parse(scope.Arguments.Find("select")).Takes(row) ? Remove(volume) : "";
    }

    // LVM takes what lives on a volume along with it, asked or not: --yes answers that, too.
    private string Remove(EmulatedVolume volume)
    {
        var group = volume.Group;
        var said = "";
        foreach (var dependent in group.Volumes.Values.Where(other => other.Pool == volume || (other.IsCow && other.Origin == volume)))
            said += Remove(dependent);
        if (volume.Loop is { } loop && DeviceUsers.IsMounted(loop))
            throw new LvmFailureException($"  Logical volume {group.Name}/{volume.Name} contains a filesystem in use.\n");
        var allocated = EmulatedContent.AllocatedBytes(volume);
        if (!EmulatedContent.TryDeactivate(volume))
            throw new LvmFailureException($"  Logical volume {group.Name}/{volume.Name} in use.\n");

        scope.Emulator.Store.Remove(volume);
        foreach (var part in volume.Parts)
            group.Volumes.TryRemove(part.Name, out _);
        group.Volumes.TryRemove(volume.Name, out _);
        if (volume.IsThin)
            ThinMessages.Delete(volume);
        foreach (var snapshot in group.Volumes.Values.Where(other => other.Origin == volume))
            snapshot.Origin = null;
        var discard = string.Join(' ', scope.Arguments.Values("config")).Contains("issue_discards=1", StringComparison.Ordinal);
        scope.Emulator.Removed.Enqueue((volume.Name, allocated, discard));
        return $"{said}  Logical volume \"{volume.Name}\" successfully removed.\n";
    }
}

/// <summary>lvrename</summary>
internal sealed class LvmRename(LvmScope scope)
{
    public string Run()
    {
        if (scope.Arguments.Operands is not [var groupName, var name, var newName])
            throw new LvmMisuseException("lvrename VG OLD NEW");
        var group = scope.WritableGroup(groupName);
        if (group.Volumes.GetValueOrDefault(name) is not { IsHidden: false } volume)
            throw new LvmFailureException($"  Existing logical volume \"{name}\" not found in volume group \"{group.Name}\"\n");
        if (group.Volumes.ContainsKey(newName))
            throw new LvmFailureException($"  Logical Volume \"{newName}\" already exists in volume group \"{group.Name}\"\n");

        foreach (var part in volume.Parts.ToList())
            Rename(group, part, string.Concat(newName, part.Name.AsSpan(name.Length)));
        Rename(group, volume, newName);
        return $"  Renamed \"{name}\" to \"{newName}\" in volume group \"{group.Name}\"\n";
    }

    private static void Rename(EmulatedGroup group, EmulatedVolume volume, string newName)
    {
        group.Volumes.TryRemove(volume.Name, out _);
        volume.Name = newName;
        group.Volumes[newName] = volume;
    }
}

using System.Globalization;

namespace CsiLocal.Backends.Lvm;

/// <summary>The argument lists of lvm: every choice is explicit, so that the host's lvm.conf changes nothing that matters.</summary>
/// <remarks>
/// Names are minted ids or checked configuration; sizes go as bytes with the unit letter, in whole sectors, since lvm refuses others
/// ("Size is not a multiple of 512"). lvm(8) takes one --config only.
/// </remarks>
internal static class LvmArguments
{
    /// <summary>lvm.conf(5) settings of every command.</summary>
    /// <remarks>
    /// <list type="bullet">
    /// <item>scan_lvs: what a tenant writes into a logical volume is never read as LVM's own.</item>
    /// <item>backup, archive: one file per change and volume group would fill /etc/lvm (11,949 files in deckhouse sds-node-configurator#334).</item>
    /// <item>monitoring: lvm would start dmeventd as a child of this daemon, to be killed with it; the pools are watched by the daemon itself.
    /// What the host's own dmeventd watches already stays watched.</item>
    /// <item>report_command_log, compact_output, list_item_separator and the like: the form of the reports that <see cref="LvmReportParser"/> reads.</item>
    /// <item>silent: a command says what it removed, see <see cref="LvmTool.RemoveAsync"/>.</item>
    /// </list>
    /// </remarks>
    private const string Config =
        "devices/scan_lvs=0 backup/backup=0 backup/archive=0 activation/monitoring=0 log/report_command_log=0 log/silent=0 "
        + "report/compact_output=0 report/compact_output_cols=\"\" report/list_item_separator=\",\" report/mark_hidden_devices=1 "
        + "report/prefixes=0 report/columns_as_rows=0";

    // What may be removed: no origin of copy-on-write snapshots, whose removal takes them along, and no thin pool, whose removal takes all its volumes along.
    private const string OnlyOneVolume = "lv_attr!~\"^[oOt]\"";

    /// <summary>--foreign: a volume group of another host is there too, and its report will say whose it is.</summary>
    public static List<string> Scan() =>
    [
        "pvs", "--config", Config, .. Json, "--foreign",
        "--options", string.Join(',', LvmColumns.ScannedVolumeGroups),
    ];

    /// <summary>One process for the volume group, its devices, its logical volumes and their segment types.</summary>
    /// <remarks>
    /// Segment fields are refused in the lv report, so there is a second one with one row for each logical volume (its first segment). A
    /// pvseg report cannot be left out; an impossible selection keeps it empty.
    /// </remarks>
    public static List<string> Report(VolumeGroupRef group) =>
    [
        .. Begin("fullreport", group), .. Json, "--all",
        "--configreport", "vg", "--options", string.Join(',', LvmColumns.VolumeGroup),
        "--configreport", "pv", "--options", string.Join(',', LvmColumns.PhysicalVolumes),
        "--configreport", "lv", "--options", string.Join(',', LvmColumns.LogicalVolumes),
        "--configreport", "pvseg", "--options", "pvseg_start", "--select", "pvseg_start=-1",
        "--configreport", "seg", "--options", string.Join(',', LvmColumns.Segments), "--select", "seg_start=0",
        group.Name,
    ];

    /// <summary>The volume group's metadata as text, as one of its devices has it. Takes no lock, changes nothing, and reads no other device.</summary>
    /// <remarks>lvm 2.03.16 refuses its device, if --devices names any: "device is not in devices list". So what may hide it is switched off.</remarks>
    public static List<string> DumpMetadata(string device) =>
        ["pvck", "--config", $"{Config} devices/use_devicesfile=0 {AllDevices}", "--dump", "metadata", device];

    public static List<string> CreateThick(VolumeGroupRef group, ThickVolume volume)
    {
        // Signatures of an earlier volume are wiped without a question: the blocks are free, and this volume is nobody's yet.
        return
        [
            .. Begin("lvcreate", group), "--yes", "--wipesignatures", "y", "--zero", "y",
            .. LvmLayouts.Of(volume), "--size", Bytes(volume.SizeBytes), "--name", volume.Name, .. Tags(volume.Tags), group.Name,
        ];
    }

    /// <param name="reserveBytes">lvm cuts it to what the snapshot can need at most.</param>
    public static List<string> CreateCowSnapshot(VolumeGroupRef group, string origin, string name, long reserveBytes, IReadOnlyList<string> tags) =>
    [
        .. Begin("lvcreate", group), "--yes", "--type", "snapshot", "--size", Bytes(reserveBytes), "--setactivationskip", "n",
        "--name", name, .. Tags(tags), $"{group.Name}/{origin}",
    ];

    /// <summary>error_when_full=0: a full pool holds writes back for the kernel's no_space_timeout (60 s) instead of failing them at once, so that growing it in time is a full recovery.</summary>
    /// <remarks>No --wipesignatures: "unsupported with thin pools"; nothing of what the blocks held is looked at. By configuration: --errorwhenfull is refused by lvm 2.03.16 ("unsupported with thin pools") whatever the kernel can do.</remarks>
    public static List<string> CreateThinPool(VolumeGroupRef group, NewThinPool pool)
    {
        var arguments = Begin("lvcreate", group, "activation/error_when_full=0");
        arguments.AddRange(["--yes", "--type", "thin-pool", "--size", Bytes(pool.DataBytes), "--name", pool.Name]);
        arguments.AddRange(["--zero", "y", "--discards", "passdown", "--poolmetadataspare", "y"]);
        if (pool.MetadataBytes is { } metadata)
            arguments.AddRange(["--poolmetadatasize", Bytes(metadata)]);
        if (pool.ChunkBytes is { } chunk)
            arguments.AddRange(["--chunksize", Bytes(chunk)]);
        if (pool.Stripes > 1)
            arguments.AddRange(LvmLayouts.Stripes(pool.Stripes, pool.StripeSizeBytes));
        arguments.Add(group.Name);
        return arguments;
    }

    /// <summary>wipesignatures n: the pool zeroes, so there is nothing to find; looking would open the device for nothing.</summary>
    /// <remarks>thin_pool_autoextend_threshold=100: when to stop is for <c>StopAtPercent</c> to say, not for the host's lvm.conf.</remarks>
    public static List<string> CreateThin(VolumeGroupRef group, string pool, string name, long sizeBytes, IReadOnlyList<string> tags) =>
    [
        .. Begin("lvcreate", group, ThinThreshold), "--yes", "--type", "thin", "--virtualsize", Bytes(sizeBytes), "--wipesignatures", "n",
        "--thinpool", pool, "--name", name, .. Tags(tags), group.Name,
    ];

    /// <summary>Without --type, which goes with --snapshot for copy-on-write only; a thin origin makes it a thin snapshot.</summary>
    /// <remarks>auto_set_activation_skip would have it left out at the next activation.</remarks>
    public static List<string> CreateThinSnapshot(VolumeGroupRef group, string origin, string name, IReadOnlyList<string> tags) =>
    [
        .. Begin("lvcreate", group, ThinThreshold), "--yes", "--snapshot", "--setactivationskip", "n",
        "--name", name, .. Tags(tags), $"{group.Name}/{origin}",
    ];

    public static List<string> Extend(VolumeGroupRef group, string name, long sizeBytes) =>
        [.. Begin("lvextend", group), "--yes", "--size", Bytes(sizeBytes), $"{group.Name}/{name}"];

    /// <summary>Of a RAID volume.</summary>
    public static List<string> ExtendRaid(VolumeGroupRef group, string name, long sizeBytes) =>
        [.. Begin("lvextend", group), "--yes", .. LvmLayouts.StayApart, "--size", Bytes(sizeBytes), $"{group.Name}/{name}"];

    /// <summary>In one stripe, whatever the layout was so far.</summary>
    public static List<string> ExtendUnstriped(VolumeGroupRef group, string name, long sizeBytes) =>
        [.. Begin("lvextend", group), "--yes", "--stripes", "1", "--size", Bytes(sizeBytes), $"{group.Name}/{name}"];

    public static List<string> ExtendPoolMetadata(VolumeGroupRef group, string pool, long metadataBytes) =>
        [.. Begin("lvextend", group), "--yes", "--poolmetadatasize", Bytes(metadataBytes), $"{group.Name}/{pool}"];

    public static List<string> Remove(VolumeGroupRef group, string name, bool discard) =>
    [
        .. Begin("lvremove", group, discard ? "devices/issue_discards=1" : "devices/issue_discards=0"),
        "--yes", "--select", OnlyOneVolume, $"{group.Name}/{name}",
    ];

    public static List<string> ChangeTags(VolumeGroupRef group, string name, IReadOnlyList<string> added, IReadOnlyList<string> removed)
    {
        var arguments = Begin("lvchange", group);
        arguments.AddRange(Tags(added));
        foreach (var tag in removed)
            arguments.AddRange(["--deltag", tag]);
        arguments.Add($"{group.Name}/{name}");
        return arguments;
    }

    public static List<string> Rename(VolumeGroupRef group, string name, string newName) =>
        [.. Begin("lvrename", group), group.Name, name, newName];

    public static List<string> Activate(VolumeGroupRef group, string name) =>
        [.. Begin("lvchange", group), "--yes", "--activate", "y", "--ignoreactivationskip", $"{group.Name}/{name}"];

    /// <summary>Without --ignoreactivationskip: ours carry no such flag, and what an administrator wants skipped stays so.</summary>
    public static List<string> ActivateAll(VolumeGroupRef group) => [.. Begin("vgchange", group), "--yes", "--activate", "y", group.Name];

    public static List<string> Refresh(VolumeGroupRef group, string name) => [.. Begin("lvchange", group), "--refresh", $"{group.Name}/{name}"];

    /// <summary>No --yes: where lvm finds a signature after all it asks, gets no answer and leaves the device alone.</summary>
    /// <remarks>No --devices: a host that uses a devices file (lvmdevices(8)) gets the new device in it, or it would not activate the group at boot.</remarks>
    public static List<string> CreateVolumeGroup(string name, IReadOnlyList<string> devices) =>
        ["vgcreate", "--config", Config, .. MetadataSize, name, .. devices];

    /// <inheritdoc cref="CreateVolumeGroup"/>
    public static List<string> CreatePhysicalVolumes(IReadOnlyList<string> devices) => ["pvcreate", "--config", Config, .. MetadataSize, .. devices];

    public static List<string> ExtendVolumeGroup(VolumeGroupRef group, IReadOnlyList<string> devices) =>
        [.. Begin("vgextend", group with { Devices = [.. group.Devices, .. devices] }), group.Name, .. devices];

    // 16 MiB on each device: half of it holds one copy of the metadata, some 7,000 volumes of ours. The default of 1 MiB is full at about 400.
    private static IReadOnlyList<string> MetadataSize => ["--metadatasize", "16777216b"];

    private static IReadOnlyList<string> Json => ["--reportformat", "json", "--units", "b", "--nosuffix"];

    private const string AllDevices = "devices/filter=[\"a|.*|\"] devices/global_filter=[\"a|.*|\"]";

    private const string ThinThreshold = "activation/thin_pool_autoextend_threshold=100";

    /// <param name="settings">Added to the settings of every command.</param>
    private static List<string> Begin(string command, VolumeGroupRef group, string? settings = null)
    {
        List<string> arguments = [command, "--config", settings is null ? Config : $"{Config} {settings}"];

        // Instead of the devices file, and of any filter in lvm.conf (lvmdevices(8)).
        foreach (var device in group.Devices)
            arguments.AddRange(["--devices", device]);
        return arguments;
    }

    private static IEnumerable<string> Tags(IReadOnlyList<string> tags)
    {
        foreach (var tag in tags)
        {
            yield return "--addtag";
            yield return tag;
        }
    }

    public static string Bytes(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{checked((bytes + 511) / 512 * 512)}b");
}

using System.Globalization;

namespace CsiLocal.Tests.Fakes.Lvm;

/// <summary>An lvm command line: parsed as strictly as the emulator knows the command, so that a slip in an option is a failed test.</summary>
internal sealed class LvmArguments
{
    private static readonly Dictionary<char, string> s_short =
        ("yes name Lsize lextents Virtualsize Thin istripes Istripesize mirrors Wipesignatures Zero snapshot ksetactivationskip "
            + "Kignoreactivationskip activate chunksize options Select quiet force resizefs Regionsize")
        .Split(' ').ToDictionary(static text => text[0], Long);

    // Options that take a value. -a of the reports is --all, which takes none.
    private static readonly Dictionary<string, string> s_values = new()
    {
        [""] = "devices config",
        ["lvcreate"] = "name size virtualsize thinpool type addtag stripes stripesize mirrors wipesignatures zero setactivationskip activate "
            + "chunksize poolmetadatasize discards raidintegrity errorwhenfull poolmetadataspare monitor regionsize alloc",
        ["lvremove"] = "select",
        ["lvextend"] = "size poolmetadatasize stripes alloc",
        ["lvchange"] = "addtag deltag activate monitor",
        ["lvrename"] = "",
        ["vgchange"] = "activate monitor",
        ["vgcreate"] = "metadatasize physicalextentsize dataalignment addtag",
        ["vgextend"] = "metadatasize dataalignment",
        ["vgreduce"] = "",
        ["pvcreate"] = "metadatasize dataalignment",
        ["vgs"] = "options units reportformat select",
        ["pvs"] = "options units reportformat select",
        ["lvs"] = "options units reportformat select",
        ["pvck"] = "dump",
        ["fullreport"] = "options units reportformat select configreport",
    };

    private static readonly Dictionary<string, string> s_flags = new()
    {
        [""] = "yes quiet",
        ["lvcreate"] = "snapshot thin nosync ignoreactivationskip noudevsync",
        ["lvremove"] = "force noudevsync",
        ["lvextend"] = "noudevsync",
        ["lvchange"] = "ignoreactivationskip refresh noudevsync",
        ["lvrename"] = "noudevsync",
        ["vgchange"] = "ignoreactivationskip noudevsync",
        ["vgcreate"] = "",
        ["vgextend"] = "restoremissing",
        ["vgreduce"] = "removemissing force",
        ["pvcreate"] = "force",
        ["pvck"] = "",
        ["vgs"] = "nosuffix all foreign",
        ["pvs"] = "nosuffix all foreign",
        ["lvs"] = "nosuffix all foreign",
        ["fullreport"] = "nosuffix all foreign",
    };

    private readonly List<(string Name, string Value)> _options = [];
    private readonly List<string> _operands = [];

    private LvmArguments(string command) => Command = command;

    /// <summary>"lvcreate", "fullreport" …</summary>
    public string Command { get; }

    public IReadOnlyList<string> Operands => _operands;

    /// <summary>In the order given: fullreport's columns belong to the report that was named last.</summary>
    public IReadOnlyList<(string Name, string Value)> Options => _options;

    public bool IsReport => s_flags[Command].Contains("nosuffix", StringComparison.Ordinal);

    /// <summary>The devices that the command may look at; null where it may look at all.</summary>
    public IReadOnlySet<string>? Devices =>
        Has("devices") ? Values("devices").SelectMany(static list => list.Split(',')).ToHashSet(StringComparer.Ordinal) : null;

    /// <exception cref="LvmMisuseException">Not a command line that LVM, or this driver's rules, would accept.</exception>
    public static LvmArguments Parse(IReadOnlyList<string> arguments)
    {
        if (arguments.Count == 0 || arguments[0].Length == 0 || !s_values.ContainsKey(arguments[0]))
            throw new LvmMisuseException($"unknown command '{(arguments.Count == 0 ? "" : arguments[0])}'");

        var parsed = new LvmArguments(arguments[0]);
        for (var i = 1; i < arguments.Count; i++)
        {
            var text = arguments[i];
            if (text == "--")
                continue;
            if (text.StartsWith("--", StringComparison.Ordinal))
                i += parsed.AddLong(text[2..], i + 1 < arguments.Count ? arguments[i + 1] : null);
            else if (text is ['-', var letter, ..])
                i += parsed.AddShort(letter, text[2..], i + 1 < arguments.Count ? arguments[i + 1] : null);
            else
                parsed._operands.Add(text);
        }

        parsed.Check();
        return parsed;
    }

    public bool Has(string name) => _options.Exists(option => option.Name == name);

    public IEnumerable<string> Values(string name) => _options.Where(option => option.Name == name).Select(static option => option.Value);

    public string? Find(string name) => Has(name) ? Values(name).Last() : null;

    public string Value(string name) => Find(name) ?? throw new LvmMisuseException($"{Command} without --{name}");

    public int Number(string name, int otherwise) =>
        Find(name) is { } text ? int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture) : otherwise;

    /// <summary>"y", "n" or, where it was not given, the default.</summary>
    public bool Answer(string name, bool otherwise) => Find(name) switch
    {
        null => otherwise,
        "y" => true,
        "n" => false,
        var other => throw new LvmMisuseException($"--{name} {other}: y or n"),
    };

    /// <summary>A size in bytes. One without a unit would be mebibytes: nobody means that.</summary>
    public long Size(string name)
    {
        var text = Value(name);
        var scale = char.ToLowerInvariant(text[^1]) switch
        {
            'b' => 1L,
            's' => 512,
            'k' => 1L << 10,
            'm' => 1L << 20,
            'g' => 1L << 30,
            't' => 1L << 40,
            _ => throw new LvmMisuseException($"--{name} {text}: no unit"),
        };
        return long.Parse(text[..^1], NumberStyles.None, CultureInfo.InvariantCulture) * scale;
    }

    private int AddLong(string text, string? next)
    {
        var (name, value) = text.Split('=', 2) is [var left, var right] ? (left, right) : (text, null);
        return Add(name, value, next);
    }

    private int AddShort(char letter, string attached, string? next)
    {
        var name = IsReportCommand && letter == 'a' ? "all" : s_short.GetValueOrDefault(letter) ?? throw new LvmMisuseException($"{Command}: unknown option -{letter}");
        return Add(name, attached.Length > 0 ? attached : null, next);
    }

    private bool IsReportCommand => Command is "vgs" or "pvs" or "lvs" or "fullreport";

    private int Add(string name, string? value, string? next)
    {
        if (Knows(s_flags, name))
        {
            if (value is not null)
                throw new LvmMisuseException($"{Command}: --{name} takes no value");
            _options.Add((name, ""));
            return 0;
        }

        if (!Knows(s_values, name))
            throw new LvmMisuseException($"{Command}: unknown option --{name}");
        _options.Add((name, value ?? next ?? throw new LvmMisuseException($"{Command}: --{name} needs a value")));
        return value is null ? 1 : 0;
    }

    private bool Knows(Dictionary<string, string> table, string name) =>
        table[""].Split(' ').Contains(name) || table[Command].Split(' ').Contains(name);

    private void Check()
    {
        var config = string.Join(' ', Values("config"));
        Require(config.Contains("scan_lvs=0", StringComparison.Ordinal), "--config devices/scan_lvs=0: LVM inside of volumes must not be seen");
        if (IsReport)
        {
            Require(Find("units") == "b" && Has("nosuffix"), "--units b --nosuffix");
            Require(Find("reportformat") == "json", "--reportformat json");
            Require(Has("options"), "explicit columns");
            Require(Has("devices") || Operands.Count == 0, "--devices of the VG");
            return;
        }

        if (Command == "pvck")
        {
            Require(!Has("devices"), "no --devices: lvm refuses them");
            return;
        }

        // A new device enters the host's devices file only where none are named (lvmdevices(8)).
        Require(Has("devices") != Command is "vgcreate" or "pvcreate", "--devices, unless it takes new ones");

        Require(config.Contains("archive=0", StringComparison.Ordinal) && config.Contains("backup=0", StringComparison.Ordinal), "--config backup/archive=0 backup/backup=0");
        Require(Has("yes") || Command is not ("lvcreate" or "lvremove" or "lvextend"), "--yes: nobody is there to answer");
    }

    // The letter is the name's own, or stands before it.
    private static string Long(string text) => text switch
    {
        "Lsize" or "lextents" or "istripes" or "Istripesize" or "ksetactivationskip" or "Kignoreactivationskip" => text[1..],
        _ => text.ToLowerInvariant(),
    };

    private void Require(bool holds, string what)
    {
        if (!holds)
            throw new LvmMisuseException($"{Command} must have {what}");
    }
}

/// <summary>A command that breaks the rules for lvm commands: a mistake of the driver, not a failure of LVM.</summary>
internal sealed class LvmMisuseException(string message) : Exception(message);

/// <summary>LVM refuses: what it says on standard error, and its exit code.</summary>
internal sealed class LvmFailureException(string message, int exitCode = LvmFailureException.Failed) : Exception(message)
{
    /// <summary>ECMD_FAILED</summary>
    public const int Failed = 5;

    /// <summary>EINVALID_CMD_LINE</summary>
    public const int Invalid = 3;

    public int ExitCode { get; } = exitCode;
}

using CsiLocal.Tools;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>What lvm complains of, as far as it makes a difference.</summary>
internal enum LvmProblem
{
    Unknown,
    TooOld,
    VolumeGroupNotFound,
    LogicalVolumeNotFound,
    ThinPoolNotFound,
    AlreadyExists,
    DuplicateNames,
    DevicesMissing,
    Exported,
    ForeignSystemId,
    Locked,
    HasThatSizeAlready,
    NoSpace,
    TooFewDevices,
    MetadataAreaFull,
    InUse,
    HasSnapshots,
    ThinPoolFull,
    ThinPoolDamaged,
    DeviceExcluded,
    DeviceNotBlank,
    DeviceNodeMissing,
    Udev,
    PermissionDenied,
    NoDeviceMapper,
    ModuleMissing,
    IoError,
}

/// <summary>The one place that reads lvm's words: exit code and messages to a problem, its error and its remedy.</summary>
internal static class LvmErrors
{
    /// <summary>What the command complains of: the first rule of the table that fits any of its lines.</summary>
    public static LvmProblem Classify(ToolOutput output) => Find(output).Rule?.Problem ?? LvmProblem.Unknown;

    /// <param name="operation">Operation and id: "lvcreate vg/v…".</param>
    /// <param name="output">What the command that failed said.</param>
    public static StorageException ToException(string operation, ToolOutput output)
    {
        var (rule, line) = Find(output);
        return rule is null
            ? new StorageException(StorageError.Internal, $"{operation}: exit code {output.ExitCode}: {line}")
            : new StorageException(rule.Error, $"{operation}: {(LvmRule.IsWarning(line) ? line[LvmRule.Warning.Length..] : line)}", rule.Remedy);
    }

    private static (LvmRule? Rule, string Line) Find(ToolOutput output)
    {
        var lines = Lines(output);
        foreach (var rule in LvmRules.All)
        {
            foreach (var line in lines)
            {
                if (rule.Fits(line))
                    return (rule, line);
            }
        }

        return (null, lines.Find(static line => !LvmRule.IsWarning(line)) ?? "it said nothing");
    }

    private static List<string> Lines(ToolOutput output)
    {
        var lines = new List<string>();
        foreach (var line in output.StandardError.AsSpan().EnumerateLines())
        {
            if (line.Trim() is { IsEmpty: false } trimmed && !trimmed.StartsWith("File descriptor "))
                lines.Add(trimmed.ToString());
        }

        return lines;
    }
}

/// <summary>One line of the table.</summary>
/// <param name="Pattern">What the line has, in this order, between the asterisks.</param>
/// <remarks>Most warnings are no reason why a command failed (a missing device that it does not need): a pattern for one says so.</remarks>
internal sealed record LvmRule(LvmProblem Problem, StorageError Error, string Pattern, string? Remedy)
{
    private readonly string[] _parts = Pattern.Split('*');

    public const string Warning = "WARNING: ";

    private readonly bool _fitsWarnings = IsWarning(Pattern);

    public static bool IsWarning(string line) => line.StartsWith(Warning, StringComparison.Ordinal);

    public bool Fits(string line)
    {
        if (IsWarning(line) && !_fitsWarnings)
            return false;

        var from = 0;
        foreach (var part in _parts)
        {
            var at = line.IndexOf(part, from, StringComparison.OrdinalIgnoreCase);
            if (at < 0)
                return false;
            from = at + part.Length;
        }

        return true;
    }
}

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
    SnapshotInvalid,
    ThinPoolFull,
    ThinPoolDamaged,
    DeviceExcluded,
    DeviceNotBlank,
    DeviceNodeMissing,
    Udev,
    ModuleMissing,
    PermissionDenied,
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
            : new StorageException(rule.Error, $"{operation}: {line}", rule.Remedy);
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

        return (null, lines.Find(static line => !IsNoise(line)) ?? "it said nothing");
    }

    private static List<string> Lines(ToolOutput output)
    {
        var lines = new List<string>();
        var text = output.StandardError.AsSpan().Trim().IsEmpty ? output.StandardOutput : output.StandardError;
        foreach (var line in text.AsSpan().EnumerateLines())
        {
            if (line.Trim() is { IsEmpty: false } trimmed)
                lines.Add(trimmed.ToString());
        }

        return lines;
    }

    private static bool IsNoise(string line) =>
        line.StartsWith("WARNING:", StringComparison.Ordinal)
        || line.StartsWith("File descriptor ", StringComparison.Ordinal)
        || line.StartsWith("Run `", StringComparison.Ordinal);
}

/// <summary>One line of the table.</summary>
/// <param name="Pattern">What the line has, in this order, between the asterisks.</param>
internal sealed record LvmRule(LvmProblem Problem, StorageError Error, string Pattern, string? Remedy)
{
    private readonly string[] _parts = Pattern.Split('*');

    public bool Fits(string line)
    {
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

using CsiLocal.Tools;

namespace CsiLocal.Tests.Backends.Lvm;

/// <summary>What a real lvm said, from TestData/Lvm: made by the script <c>capture</c> there, but where a file's first line says otherwise.</summary>
internal static class Captured
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "TestData", "Lvm");

    public static IEnumerable<string> Failures => Directory.GetFiles(Path.Combine(Folder, "failures")).Select(static path => Path.GetFileNameWithoutExtension(path)).Order(StringComparer.Ordinal);

    /// <summary>Standard output of a report.</summary>
    public static string Report(string name) => File.ReadAllText(Path.Combine(Folder, "reports", $"{name}.json"));

    /// <summary>The metadata of a volume group.</summary>
    public static string Text(string name) => File.ReadAllText(Path.Combine(Folder, $"{name}.txt"));

    /// <summary>A command that failed. In the file: where the text is from or the command line, its exit code, what it said.</summary>
    public static ToolOutput Failure(string name)
    {
        var parts = File.ReadAllText(Path.Combine(Folder, "failures", $"{name}.txt")).Split('\n', 3);
        var exitCode = int.Parse(parts[1]["exit ".Length..], System.Globalization.CultureInfo.InvariantCulture);
        return new ToolOutput(exitCode, "", parts[2]);
    }
}

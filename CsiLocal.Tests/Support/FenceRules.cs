using System.Text.RegularExpressions;

namespace CsiLocal.Tests.Support;

/// <summary>Libraries and words that have their place in one folder of <c>CsiLocal/</c>, or in none.</summary>
internal static partial class FenceRules
{
    public const int MaxLines = 400;

    private static readonly (string What, Regex Pattern, string[] Folders)[] Fences =
    [
        ("Microsoft.Data.Sqlite", new(@"\b(Microsoft\.Data\.Sqlite|SQLitePCL)\b"), ["State"]),
        ("System.Diagnostics.Process",
            new(@"(?<!\.)\bProcess(StartInfo|Module)?\b(?=\s*[.;({]|\s+\w)|\bDiagnostics\.Process\w*"),
            ["Tools"]),
        ("native calls", new(@"\[\s*(LibraryImport|DllImport)\b"), ["Native"]),
        ("Microsoft.AspNetCore", new(@"\bMicrosoft\.AspNetCore\b"), ["Hosting", "Grpc"]),
        ("System.CommandLine", new(@"\bSystem\.CommandLine\b"), ["Cli"]),
        ("Spectre.Console", new(@"\bSpectre\.Console\b"), ["Cli"]),
        ("the generated messages", new(@"\b(Csi\.V1|Admin\.V1)\b"), ["Rpc", "Routing", "Cli"]),
        ("Grpc.Core", new(@"(?<!\.)\bGrpc\.Core\b|\bCsiLocal\.Grpc\b"), ["Grpc", "Rpc", "Routing", "Hosting", "Cli"]),
        ("YamlDotNet", new(@"\bYamlDotNet\b"), ["Configuration"]),
    ];

    // In two parts, so that this file does not hold what it forbids.
    private static readonly string[] Unfinished = ["NotImplemented" + "Exception", "TO" + "DO", "FIX" + "ME"];

    /// <summary>One line for each use of a fenced library, and each SQL statement, outside its folder.</summary>
    public static IEnumerable<string> FindEscapes(IReadOnlyList<SourceFile> files)
    {
        foreach (var file in files.Where(file => !file.IsTest))
        {
            foreach (var (what, pattern, folders) in Fences)
            {
                if (!folders.Contains(file.Folder) && pattern.Match(file.Code) is { Success: true } match)
                    yield return $"{file.Path}:{file.LineAt(match.Index)}: {what} belongs to {string.Join(", ", folders)} only";
            }

            if (file.Folder != "State" && file.Literals.FirstOrDefault(literal => Sql().IsMatch(literal)) is { } sql)
                yield return $"{file.Path}: SQL belongs to State only: {sql.Trim().Split('\n')[0]}";
        }
    }

    /// <summary>One line for each file that has grown too long to be read at once.</summary>
    public static IEnumerable<string> FindLongFiles(IReadOnlyList<SourceFile> files) =>
        from file in files
        where file.LineCount > MaxLines
        select $"{file.Path}: {file.LineCount} lines; split it, {MaxLines} are the limit";

    /// <summary>One line for each mark of unfinished work, in code or comments.</summary>
    public static IEnumerable<string> FindUnfinished(IReadOnlyList<SourceFile> files) =>
        from file in files
        from word in Unfinished
        where Regex.IsMatch(file.Text, $@"\b{word}\b")
        select $"{file.Path}: {word}; finish it, or write an issue and a limitation";

    [GeneratedRegex(
        @"\b(SELECT\s[\s\S]+\sFROM\s|INSERT (OR \w+ )?INTO\s|DELETE FROM\s|UPDATE\s+\w+\s+SET\s|CREATE (TABLE|INDEX)\s|PRAGMA\s)")]
    private static partial Regex Sql();
}

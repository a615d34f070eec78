using System.Text.RegularExpressions;

namespace CsiLocal.Tests.Support;

/// <summary>The arrow of ARCHITECTURE.md as a check: what a folder of <c>CsiLocal/</c> may use of the others.</summary>
internal static partial class LayerRules
{
    // A folder uses only folders of a higher rank. Same rank: strangers.
    private static readonly Dictionary<string, int> Ranks = new()
    {
        [""] = 0,
        ["Cli"] = 1,
        ["Hosting"] = 2,
        ["Rpc"] = 3,
        ["Routing"] = 3,
        ["Volumes"] = 4,
        ["Backends"] = 5,
        ["State"] = 5,
        ["Filesystems"] = 6,
        ["Tools"] = 7,
        ["Native"] = 8,
        ["Grpc"] = 8,
        ["Configuration"] = 9,
        ["Diagnostics"] = 9,
    };

    /// <summary>One line for each reference against the arrow.</summary>
    public static IEnumerable<string> FindUpwardReferences(IReadOnlyList<SourceFile> files)
    {
        var production = files.Where(file => !file.IsTest).ToList();
        var types = production
            .SelectMany(file => file.DeclaredTypes.Select(type => (file.Folder, type.Name)))
            .ToHashSet();
        var closed = production
            .Where(file => file.Folder == "Volumes")
            .SelectMany(file => file.DeclaredTypes.Where(type => !IsOpen(type.Kind, type.Name)).Select(type => type.Name))
            .ToHashSet();
        return production.SelectMany(file => FindUpwardReferences(file, types, closed)).Distinct();
    }

    /// <summary>One line for each file whose namespace is not its folder.</summary>
    public static IEnumerable<string> FindStrayNamespaces(IReadOnlyList<SourceFile> files) =>
        from file in files
        where !file.IsTest
        let folder = file.Path[..file.Path.LastIndexOf('/')].Replace('/', '.')
        // The folder stands in for the package Grpc.Core, and goes when that is served.
        let expected = folder == "CsiLocal.Grpc.Core" ? "Grpc.Core" : folder
        where !Regex.IsMatch(file.Code, $@"\bnamespace\s+{Regex.Escape(expected)}\s*;")
        select $"{file.Path}: the namespace must be {expected}, as the folder";

    private static IEnumerable<string> FindUpwardReferences(
        SourceFile file, HashSet<(string Folder, string Name)> types, HashSet<string> closed)
    {
        if (!Ranks.TryGetValue(file.Folder, out var rank))
        {
            yield return $"{file.Path}: folder {file.Folder} has no place in the layers; "
                + $"give it one in {nameof(LayerRules)} and ARCHITECTURE.md";
            yield break;
        }

        var seesVolumes = false;
        foreach (Match match in Reference().Matches(file.Code))
        {
            var (folder, name) = (match.Groups["folder"].Value, match.Groups["name"].Value);
            var isQualified = match.Groups["root"].Success;
            if (!Ranks.TryGetValue(folder, out var other) || folder == file.Folder || other > rank)
                continue;
            if (!isQualified && !types.Contains((folder, name)))
                continue;
            if (folder == "Volumes" && !closed.Contains(name))
                seesVolumes = true;
            else
                yield return $"{Place(file, match)} must not use {(name.Length == 0 ? folder : $"{folder}.{name}")}";
        }

        if (!seesVolumes)
            yield break;
        foreach (Match match in Identifier().Matches(file.Code))
        {
            if (closed.Contains(match.Value))
                yield return $"{Place(file, match)} may use the records of Volumes, not {match.Value}";
        }
    }

    // What only carries data may be used from anywhere; what acts may not.
    private static bool IsOpen(string kind, string name) =>
        kind is not ("class" or "interface")
        || name.EndsWith("Exception", StringComparison.Ordinal);

    private static string Place(SourceFile file, Match match) =>
        $"{file.Path}:{file.LineAt(match.Index)}: {(file.Folder.Length == 0 ? "Program" : file.Folder)}";

    [GeneratedRegex(@"(?<![\w.])(?<root>(?:global::)?CsiLocal\.)?(?<folder>[A-Z]\w*)(?:\.(?<name>[A-Z]\w*))?(?=\W)")]
    private static partial Regex Reference();

    [GeneratedRegex(@"(?<!\.)\b[A-Z]\w*\b")]
    private static partial Regex Identifier();
}

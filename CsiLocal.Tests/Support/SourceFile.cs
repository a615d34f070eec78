using System.Text.RegularExpressions;

namespace CsiLocal.Tests.Support;

/// <summary>A C# file of the repository.</summary>
/// <param name="Path">From the repository's root, with slashes.</param>
/// <param name="Text">As it is.</param>
internal sealed partial record SourceFile(string Path, string Text)
{
    private readonly Lazy<SourceText> source = new(() => new SourceText(Text));

    public string Code => source.Value.Code;

    public IReadOnlyList<string> Literals => source.Value.Literals;

    public bool IsTest => Path.StartsWith("CsiLocal.Tests/", StringComparison.Ordinal);

    /// <summary>The layer's folder within its project; empty for files directly in the project.</summary>
    public string Folder => Path.Split('/') is { Length: > 2 } parts ? parts[1] : "";

    public int LineCount => Text.AsSpan().TrimEnd('\n').Count('\n') + 1;

    /// <summary>Names and kinds of the types that the file declares.</summary>
    public IEnumerable<(string Kind, string Name)> DeclaredTypes =>
        TypeDeclaration().Matches(Code).Select(match => (match.Groups["kind"].Value, match.Groups["name"].Value));

    /// <summary>Every file of the two projects.</summary>
    public static IReadOnlyList<SourceFile> ReadAll()
    {
        var root = FindRoot();
        return
        [
            .. new[] { "CsiLocal", "CsiLocal.Tests" }
                .SelectMany(project => Directory.EnumerateFiles(System.IO.Path.Combine(root, project), "*.cs", SearchOption.AllDirectories))
                .Select(file => System.IO.Path.GetRelativePath(root, file).Replace('\\', '/'))
                .Where(path => path.Split('/')[1] is not ("bin" or "obj"))
                .Order(StringComparer.Ordinal)
                .Select(path => new SourceFile(path, File.ReadAllText(System.IO.Path.Combine(root, path)))),
        ];
    }

    /// <summary>The line, counted from 1, of a position in <see cref="Code"/>.</summary>
    public int LineAt(int position) => Code.AsSpan(0, position).Count('\n') + 1;

    /// <summary>The repository that the tests were built from.</summary>
    public static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(System.IO.Path.Combine(folder.FullName, "CsiLocal.sln")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException($"no CsiLocal.sln above {AppContext.BaseDirectory}");
    }

    [GeneratedRegex(@"\b(?<kind>class|interface|enum|record(?:\s+struct)?|struct|delegate\s+[\w<>?\[\]]+)\s+(?<name>[A-Z]\w*)")]
    private static partial Regex TypeDeclaration();
}

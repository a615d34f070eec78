using CsiLocal.Tools;

namespace CsiLocal.Volumes.Diagnosis;

/// <summary>The machine's files as this process sees them; what cannot be read is not there.</summary>
/// <param name="root">"/"; in tests a folder that stands for it.</param>
internal sealed class HostFiles(string root)
{
    public bool Exists(string path) => Path.Exists(At(path));

    public string? Read(string path) => Try(() => File.ReadAllText(At(path)));

    /// <summary>Where a symbolic link leads, as it is written.</summary>
    public string? Link(string path) => Try(() => new FileInfo(At(path)).LinkTarget);

    public IReadOnlyList<string> Names(string folder) =>
        Try(() => Directory.EnumerateFileSystemEntries(At(folder)).Select(static path => Path.GetFileName(path)!).Order(StringComparer.Ordinal).ToList()) ?? [];

    /// <summary>The full path of a program, as the driver looks for it; null where it is not there.</summary>
    public string? FindProgram(string name) =>
        SearchPath.Text.Split(':').Select(folder => $"{folder}/{name}").FirstOrDefault(Exists);

    private string At(string path) => root == "/" ? path : root + path;

    private static T? Try<T>(Func<T?> read)
        where T : class
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}

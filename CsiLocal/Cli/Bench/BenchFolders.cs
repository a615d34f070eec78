namespace CsiLocal.Cli.Bench;

/// <summary>The folders in which a run stages and publishes; temporary ones go with the run, unless something is left in them.</summary>
internal sealed class BenchFolders : IDisposable
{
    private readonly List<string> _made = [];

    public BenchFolders(string? staging, string? target)
    {
        var temporary = staging is null || target is null ? Make(Directory.CreateTempSubdirectory("csilocal-bench-").FullName) : "";
        Staging = staging is null ? Make(Path.Combine(temporary, "staging")) : Path.GetFullPath(staging);
        Target = target is null ? Make(Path.Combine(temporary, "target")) : Path.GetFullPath(target);
        if (Staging == Target)
            throw new CliException(ExitCode.Usage, $"--staging-dir and --target-dir are both {Staging}: a volume cannot be published where it is staged", "name two folders");

        Directory.CreateDirectory(Staging);
        Directory.CreateDirectory(Target);
    }

    public string Staging { get; }

    public string Target { get; }

    /// <summary>Removes what is empty. Never recursive: a mount that could not be undone is somebody's data.</summary>
    public void Dispose()
    {
        foreach (var folder in Enumerable.Reverse(_made))
        {
            try
            {
                Directory.Delete(folder);
            }
            catch (IOException)
            {
                // Something is left in it, which the report has said.
            }
        }
    }

    private string Make(string path)
    {
        _made.Add(path);
        return path;
    }
}

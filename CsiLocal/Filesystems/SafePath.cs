using CsiLocal.Native;

namespace CsiLocal.Filesystems;

/// <summary>A staging or target path that passed all rules, held open: what is mounted through it lands on what was checked.</summary>
internal sealed class SafePath : IDisposable
{
    private readonly FolderHandle _handle;

    public SafePath(FolderHandle handle, string path, bool created)
    {
        _handle = handle;
        Path = path;
        RealPath = handle.RealPath;
        Created = created;
    }

    /// <summary>As it was given.</summary>
    public string Path { get; }

    /// <summary>As the mount table shows it: the same, unless a publish root is itself a symlink.</summary>
    public string RealPath { get; }

    /// <summary>For another process: <c>/proc/PID/fd/N</c>, valid while this is not disposed.</summary>
    public string PathForOthers => _handle.PathForOthers;

    /// <summary>It was not there before and has been made.</summary>
    public bool Created { get; }

    public FileStatus Status => _handle.Status;

    public FolderHandle Handle => _handle;

    public void Dispose() => _handle.Dispose();
}

/// <summary>What a target has to be.</summary>
internal enum TargetKind
{
    /// <summary>For a file system.</summary>
    Folder,

    /// <summary>For a raw block volume: an empty file, onto which the device node is bound.</summary>
    File,
}

using CsiLocal.Native;
using CsiLocal.Volumes;

namespace CsiLocal.Filesystems;

/// <summary>Opens, makes and removes staging and target paths. No symlink is followed below a publish root, or anywhere where none are set.</summary>
/// <param name="publishRoots">Folders under which every path has to lie; empty: anywhere outside system folders. They may be symlinks themselves.</param>
/// <param name="ownFolders">The driver's own state and pools: nothing is mounted on them, in them, or on a folder that holds them.</param>
internal sealed class SafePaths(IReadOnlyList<string> publishRoots, IReadOnlyList<string> ownFolders)
{
    private const uint FolderMode = 0b111_101_000; // 0750
    private const uint FileMode = 0b110_100_000; // 0640

    /// <summary>All rules that need no look at the disk.</summary>
    /// <param name="field">The request's field, for the message: <c>target_path</c>.</param>
    /// <param name="path">The path given.</param>
    /// <exception cref="StorageException"><see cref="StorageError.InvalidArgument"/></exception>
    public void Check(string field, string path) => RootOf(field, path);

    /// <summary>Opens what is there; null where nothing is.</summary>
    /// <exception cref="StorageException"><see cref="StorageError.InvalidArgument"/>: a rule is broken, or a component is a symlink.</exception>
    public SafePath? Find(string field, string path)
    {
        using var root = OpenRoot(field, path, out var rest);
        return root is null ? null : Hold(field, path, Translate(field, path, () => root.OpenBelow(rest)), created: false);
    }

    /// <summary>Opens the path as a folder or file; makes its last component where that is missing. Idempotent.</summary>
    /// <exception cref="StorageException"><see cref="StorageError.InvalidArgument"/>: a rule is broken, the parent is missing, or it is something else.</exception>
    public SafePath OpenOrMake(string field, string path, TargetKind kind)
    {
        using var parent = OpenParent(field, path, out var name)
            ?? throw PathRules.Refuse(field, $"'{PathRules.Shorten(path)}': its parent folder does not exist", "make the parent folder first");
        var created = Translate(field, path, () => Make(parent, name, kind));
        var handle = Translate(field, path, () => parent.OpenBelow(name))
            ?? throw new StorageException(StorageError.Aborted, $"{field} '{path}' vanished while it was being opened", "try again");
        var held = Hold(field, path, handle, created)!;
        var status = held.Status;

        // A device node stands where a raw block volume is published already.
        var fits = kind == TargetKind.Folder ? status.IsDirectory : status.IsRegular || status.IsBlockDevice;
        if (fits)
            return held;

        held.Dispose();
        throw PathRules.Refuse(
            field,
            $"'{PathRules.Shorten(path)}' is not a {(kind == TargetKind.Folder ? "folder" : "file")}",
            $"give the path of {(kind == TargetKind.Folder ? "a folder" : "a file")}, or one that does not exist yet");
    }

    /// <summary>Removes a folder or file made for a mount, where it is empty and nothing is mounted on it. Success where it is gone.</summary>
    /// <exception cref="StorageException"><see cref="StorageError.FailedPrecondition"/>: it holds something, or is a mount point; nothing was removed.</exception>
    public void Remove(string field, string path)
    {
        using var parent = OpenParent(field, path, out var name);
        if (parent is null)
            return;

        using var handle = Translate(field, path, () => parent.OpenBelow(name));
        if (handle is null)
            return;

        if (MountTable.Read().FindAt(handle.RealPath) is not null)
            throw StillThere(field, path, "is still a mount point", "unmount it first");

        var status = handle.Status;
        if (status is { IsDirectory: false, IsRegular: false } or { IsRegular: true, SizeBytes: > 0 })
            throw StillThere(field, path, "is not an empty file", "move it away: the driver removes only what it made");

        try
        {
            if (status.IsDirectory)
                parent.RemoveFolder(name);
            else
                parent.RemoveFile(name);
        }
        catch (NativeException e) when (e.ErrorNumber is Errno.NotEmpty or Errno.Exists)
        {
            throw StillThere(field, path, "is not empty", "move its content away: the driver removes only empty folders");
        }
        catch (NativeException e) when (e.ErrorNumber == Errno.Busy)
        {
            throw StillThere(field, path, "is still a mount point in another mount namespace", "unmount it there first");
        }
    }

    private static StorageException StillThere(string field, string path, string fact, string remedy) =>
        new(StorageError.FailedPrecondition, $"{field} '{PathRules.Shorten(path)}' {fact}", remedy);

    private static bool Make(FolderHandle parent, string name, TargetKind kind) => kind switch
    {
        TargetKind.Folder => parent.MakeFolder(name, FolderMode),
        TargetKind.File => parent.MakeFile(name, FileMode),
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
    };

    private FolderHandle? OpenParent(string field, string path, out string name)
    {
        using var root = OpenRoot(field, path, out var rest);
        var slash = rest.LastIndexOf('/');
        name = rest[(slash + 1)..];
        var folder = slash < 0 ? "." : rest[..slash];
        if (root is null)
            return null;

        var parent = Translate(field, path, () => root.OpenBelow(folder));
        if (parent is null || parent.Status.IsDirectory)
            return parent;

        parent.Dispose();
        throw PathRules.Refuse(field, $"'{PathRules.Shorten(path)}': its parent is not a folder", "give a path in a folder");
    }

    /// <summary>The folder from which symlinks are no longer followed; null where it does not exist.</summary>
    private FolderHandle? OpenRoot(string field, string path, out string rest)
    {
        var root = RootOf(field, path);
        rest = path[(root.Length == 1 ? 1 : root.Length + 1)..];
        return Translate(field, root, () => FolderHandle.OpenFollowing(root));
    }

    private string RootOf(string field, string path)
    {
        PathRules.CheckForm(field, path);
        CheckOwn(field, path);
        if (publishRoots.Count == 0)
        {
            PathRules.CheckPlace(field, path);
            return "/";
        }

        var root = publishRoots
            .Select(static root => root.Length > 1 ? root.TrimEnd('/') : root)
            .Where(root => path.Length > root.Length && PathRules.IsWithin(path, root))
            .MaxBy(static root => root.Length);
        if (root is null)
        {
            throw PathRules.Refuse(
                field,
                $"'{PathRules.Shorten(path)}' does not lie under publishRoots ({string.Join(", ", publishRoots)})",
                "give a path below one of these, or add its folder to publishRoots in the configuration file");
        }

        PathRules.CheckPlace(field, path);
        return root;
    }

    private SafePath? Hold(string field, string path, FolderHandle? handle, bool created)
    {
        if (handle is null)
            return null;

        var held = new SafePath(handle, path, created);
        try
        {
            // A publish root may be a symlink to anywhere.
            PathRules.CheckPlace(field, held.RealPath);
            CheckOwn(field, held.RealPath);
            return held;
        }
        catch (StorageException)
        {
            held.Dispose();
            throw;
        }
    }

    private void CheckOwn(string field, string path)
    {
        if (ownFolders.FirstOrDefault(own => PathRules.IsWithin(path, own) || PathRules.IsWithin(own, path)) is { } folder)
        {
            throw PathRules.Refuse(
                field, $"'{PathRules.Shorten(path)}' is, lies in or holds the driver's own folder {folder}", "give a path apart from the driver's state and pools");
        }
    }

    /// <summary>Null where a component does not exist.</summary>
    private static T? Translate<T>(string field, string path, Func<T> open)
    {
        var shown = $"'{PathRules.Shorten(path)}'";
        try
        {
            return open();
        }
        catch (NativeException e) when (e.ErrorNumber == Errno.NoEntry)
        {
            return default;
        }
        catch (NativeException e) when (e.ErrorNumber is Errno.SymlinkLoop or Errno.CrossDevice)
        {
            throw PathRules.Refuse(field, $"{shown} goes through a symbolic link", "give the path without symbolic links, as realpath prints it");
        }
        catch (NativeException e) when (e.ErrorNumber == Errno.NotDirectory)
        {
            throw PathRules.Refuse(field, $"{shown} goes through something that is not a folder", "give a path in a folder");
        }
        catch (NativeException e)
        {
            throw new StorageException(StorageError.Internal, $"{field} {shown}: {e.Message}", inner: e);
        }
    }
}

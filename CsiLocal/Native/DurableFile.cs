using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CsiLocal.Native;

/// <summary>Writes that survive a power cut: content first, then the name, then the folder that holds the name.</summary>
internal static partial class DurableFile
{
    private static readonly Lock s_lock = new();
    private static readonly HashSet<string> s_writing = new(StringComparer.Ordinal);

    /// <summary>Replaces (or makes) the file as a whole: a reader, or a crash, sees the old content or the new one.</summary>
    /// <remarks>The temporary name is fixed, so that a crash leaves one at most and the next write takes its place.</remarks>
    public static void Replace(string path, ReadOnlySpan<byte> content, UnixFileMode mode)
    {
        var temporary = TemporaryName(path);
        lock (s_lock)
            s_writing.Add(temporary);
        try
        {
            File.Delete(temporary);
            using (var handle = File.OpenHandle(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, FileOptions.None))
            {
                File.SetUnixFileMode(handle, mode);
                RandomAccess.Write(handle, content, 0);
                RandomAccess.FlushToDisk(handle);
            }

            File.Move(temporary, path, overwrite: true);
        }
        finally
        {
            lock (s_lock)
                s_writing.Remove(temporary);
        }

        SyncFolder(Path.GetDirectoryName(path)!);
    }

    /// <summary>Removes what a process that was killed in <see cref="Replace"/> left in a folder, and nothing that this one is writing.</summary>
    /// <param name="folder">Written by this process alone.</param>
    /// <param name="extension">Of the files: ".json".</param>
    public static void RemoveUnfinished(string folder, string extension)
    {
        foreach (var temporary in Directory.EnumerateFiles(folder, $".*{extension}.tmp"))
        {
            lock (s_lock)
            {
                if (!s_writing.Contains(temporary))
                    File.Delete(temporary);
            }
        }
    }

    /// <summary>Gives a file or folder another name in the same file system, durably, where nothing has that name yet.</summary>
    public static void Move(string from, string to)
    {
        if (FileStatus.Find(to) is not null)
            throw new IOException($"{to} exists already");

        // rename(2): without "overwrite" a file would be linked and then unlinked, and a kill between leave two of it.
        if (FileStatus.Find(from) is { IsDirectory: true })
            Directory.Move(from, to);
        else
            File.Move(from, to, overwrite: true);
        SyncFolder(Path.GetDirectoryName(to)!);
        SyncFolder(Path.GetDirectoryName(from)!);
    }

    /// <summary>Where <see cref="Replace"/> writes first: hidden, in the same folder.</summary>
    public static string TemporaryName(string path) => Path.Combine(Path.GetDirectoryName(path)!, $".{Path.GetFileName(path)}.tmp");

    /// <summary>Makes the names in a folder durable: those added, and those removed.</summary>
    public static void SyncFolder(string folder)
    {
        using var handle = NativeFile.Open(folder, NativeFile.Folder);
        if (Fsync(handle) != 0)
            throw NativeException.Last("fsync", folder);
    }

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(SafeFileHandle handle);
}

using System.Buffers.Text;
using System.Text;
using CsiLocal.Native;

namespace CsiLocal.Filesystems;

/// <summary>One line of mountinfo.</summary>
/// <param name="Id">Unique among the mounts there are.</param>
/// <param name="ParentId">The mount it is mounted on.</param>
/// <param name="DeviceNumber">As in <c>st_dev</c>; for btrfs a number of its own and not the disk's.</param>
/// <param name="Root">What of the file system is shown here: <c>/</c>, or the folder or file bound.</param>
/// <param name="Path">Where it is mounted.</param>
/// <param name="Options">Of this mount, comma-separated.</param>
/// <param name="Filesystem">Its type.</param>
/// <param name="Source">The device, or whatever the file system says.</param>
/// <param name="SuperOptions">Of the file system, comma-separated.</param>
internal sealed record MountEntry(
    int Id, int ParentId, ulong DeviceNumber, string Root, string Path, string Options, string Filesystem, string Source, string SuperOptions)
{
    /// <summary>What is mounted below it appears in other mount namespaces too (mount_namespaces(7), MS_SHARED).</summary>
    public bool IsShared { get; init; }

    public bool HasOption(string option) => Options.Split(',').Contains(option, StringComparer.Ordinal);

    /// <summary>This mount is read-only, or the file system under it.</summary>
    public bool IsReadOnly => HasOption("ro") || SuperOptions.Split(',').Contains("ro", StringComparer.Ordinal);

    /// <summary>The file system lies on this block device.</summary>
    /// <remarks>btrfs shows a device number of its own; there the source has to tell: a device node, or udev's symlink to it (<c>/dev/mapper/…</c>).</remarks>
    public bool IsOn(ulong deviceNumber) =>
        DeviceNumber == deviceNumber
        || (Filesystem == "btrfs" && FileStatus.FindFollowing(Source) is { IsBlockDevice: true } status && status.DeviceNumber == deviceNumber);
}

/// <summary>The mounts of one namespace at one moment. Starts no process.</summary>
/// <remarks>Kept as the bytes read; only what is asked for becomes objects, so that 2,000 mounts cost a scan and no garbage.</remarks>
internal sealed class MountTable
{
    private readonly byte[] _text;
    private readonly int _length;

    private MountTable(byte[] text, int length)
    {
        _text = text;
        _length = length;
    }

    public static MountTable Read() => ReadOf("/proc/self");

    /// <summary>The mounts of another process's namespace.</summary>
    /// <param name="processFolder"><c>/proc/N</c></param>
    /// <exception cref="IOException">It has ended.</exception>
    public static MountTable ReadOf(string processFolder)
    {
        using var handle = File.OpenHandle($"{processFolder}/mountinfo");
        var buffer = new byte[64 * 1024];
        var length = 0;
        while (true)
        {
            var count = RandomAccess.Read(handle, buffer.AsSpan(length), length);
            if (count == 0)
                return new MountTable(buffer, length);
            length += count;
            if (length == buffer.Length)
                Array.Resize(ref buffer, buffer.Length * 2);
        }
    }

    /// <summary>For captured tables, in the format of proc_pid_mountinfo(5).</summary>
    public static MountTable Parse(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        return new MountTable(bytes, bytes.Length);
    }

    /// <summary>The mount seen at exactly this path (the topmost, where several are stacked), or null.</summary>
    public MountEntry? FindAt(string path)
    {
        var wanted = Escape(path);
        var found = ReadOnlySpan<byte>.Empty;

        // A later line is mounted later: on top.
        foreach (var line in Lines())
        {
            if (Field(line, 4).SequenceEqual(wanted))
                found = line;
        }

        return found.IsEmpty ? null : ToEntry(found);
    }

    /// <summary>How many mounts are stacked at exactly this path.</summary>
    public int CountAt(string path)
    {
        var wanted = Escape(path);
        var count = 0;
        foreach (var line in Lines())
        {
            if (Field(line, 4).SequenceEqual(wanted))
                count++;
        }

        return count;
    }

    /// <summary>Mounts strictly below a path, in the order they were mounted.</summary>
    public IReadOnlyList<MountEntry> Below(string path)
    {
        var prefix = Escape(path == "/" ? "/" : path + "/");
        var found = new List<MountEntry>();
        foreach (var line in Lines())
        {
            var at = Field(line, 4);
            if (at.Length > prefix.Length && at.StartsWith(prefix))
                found.Add(ToEntry(line));
        }

        return found;
    }

    /// <summary>The mount that a path lies on: the one at the path or at its nearest parent.</summary>
    public MountEntry? FindContaining(string path)
    {
        for (var at = path; at is { Length: > 0 }; at = Path.GetDirectoryName(at))
        {
            if (FindAt(at) is { } entry)
                return entry;
        }

        return null;
    }

    /// <summary>Every mount of the file system on this block device.</summary>
    public IReadOnlyList<MountEntry> OfDevice(ulong deviceNumber)
    {
        var found = new List<MountEntry>();
        foreach (var line in Lines())
        {
            if ((DeviceOf(line) == deviceNumber || FilesystemOf(line).SequenceEqual("btrfs"u8)) && ToEntry(line) is var entry && entry.IsOn(deviceNumber))
                found.Add(entry);
        }

        return found;
    }

    /// <summary>Binds of single files of a memory file system, as those of device nodes are (<c>/dev</c> is a devtmpfs, in containers a tmpfs).</summary>
    public IReadOnlyList<MountEntry> OfDeviceNodes()
    {
        var found = new List<MountEntry>();
        foreach (var line in Lines())
        {
            var filesystem = FilesystemOf(line);
            if ((filesystem.SequenceEqual("devtmpfs"u8) || filesystem.SequenceEqual("tmpfs"u8)) && ToEntry(line) is { Root: not "/" } entry)
                found.Add(entry);
        }

        return found;
    }

    /// <summary>Binds of folders of this name, wherever in their file system they lie.</summary>
    public IReadOnlyList<MountEntry> OfFolders(string name)
    {
        var ending = Escape("/" + name);
        var found = new List<MountEntry>();
        foreach (var line in Lines())
        {
            if (Field(line, 3).EndsWith(ending))
                found.Add(ToEntry(line));
        }

        return found;
    }

    /// <summary>The names of all folders and files that are bound somewhere.</summary>
    public IReadOnlySet<string> BoundNames()
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var line in Lines())
        {
            var root = Field(line, 3);
            if (root.Length > 1)
                names.Add(Unescape(root[(root.LastIndexOf((byte)'/') + 1)..]));
        }

        return names;
    }

    private LineEnumerator Lines() => new(_text.AsSpan(0, _length));

    private static ReadOnlySpan<byte> Field(ReadOnlySpan<byte> line, int index)
    {
        for (; index > 0; index--)
            line = line[(line.IndexOf((byte)' ') + 1)..];
        var end = line.IndexOf((byte)' ');
        return end < 0 ? line : line[..end];
    }

    /// <summary>What follows the optional fields: their number varies, a lone dash ends them.</summary>
    private static ReadOnlySpan<byte> Tail(ReadOnlySpan<byte> line) => line[(line.IndexOf(" - "u8) + 3)..];

    private static ReadOnlySpan<byte> FilesystemOf(ReadOnlySpan<byte> line) => Field(Tail(line), 0);

    private static ulong DeviceOf(ReadOnlySpan<byte> line)
    {
        var text = Field(line, 2);
        var colon = text.IndexOf((byte)':');
        return FileStatus.MakeDevice((uint)Number(text[..colon]), (uint)Number(text[(colon + 1)..]));
    }

    private static MountEntry ToEntry(ReadOnlySpan<byte> line)
    {
        var tail = Tail(line);
        return new MountEntry(
            Number(Field(line, 0)),
            Number(Field(line, 1)),
            DeviceOf(line),
            Unescape(Field(line, 3)),
            Unescape(Field(line, 4)),
            Unescape(Field(line, 5)),
            Unescape(Field(tail, 0)),
            Unescape(Field(tail, 1)),
            Unescape(Field(tail, 2)))
        {
            IsShared = line[..(line.Length - tail.Length)].IndexOf(" shared:"u8) >= 0,
        };
    }

    private static int Number(ReadOnlySpan<byte> text) =>
        Utf8Parser.TryParse(text, out int number, out var used) && used == text.Length
            ? number
            : throw new FormatException($"mountinfo: '{Encoding.UTF8.GetString(text)}' is not a number");

    // The kernel writes space, tab, newline and backslash in paths as a backslash and three octal digits (fs/proc_namespace.c, show_mountinfo).
    private static ReadOnlySpan<byte> Escape(string path)
    {
        if (path.AsSpan().IndexOfAny(" \t\n\\") < 0)
            return Encoding.UTF8.GetBytes(path);

        var escaped = new StringBuilder(path.Length + 16);
        foreach (var c in path)
        {
            if (c is ' ' or '\t' or '\n' or '\\')
                escaped.Append('\\').Append((char)('0' + (c >> 6))).Append((char)('0' + ((c >> 3) & 7))).Append((char)('0' + (c & 7)));
            else
                escaped.Append(c);
        }

        return Encoding.UTF8.GetBytes(escaped.ToString());
    }

    private static string Unescape(ReadOnlySpan<byte> field)
    {
        if (field.IndexOf((byte)'\\') < 0)
            return Encoding.UTF8.GetString(field);

        var plain = new byte[field.Length];
        var length = 0;
        for (var i = 0; i < field.Length; i++)
        {
            if (field[i] == (byte)'\\' && i + 3 < field.Length)
            {
                plain[length++] = (byte)(((field[i + 1] - '0') << 6) | ((field[i + 2] - '0') << 3) | (field[i + 3] - '0'));
                i += 3;
            }
            else
            {
                plain[length++] = field[i];
            }
        }

        return Encoding.UTF8.GetString(plain, 0, length);
    }

    private ref struct LineEnumerator(ReadOnlySpan<byte> text)
    {
        private ReadOnlySpan<byte> _rest = text;

        public ReadOnlySpan<byte> Current { get; private set; }

        public readonly LineEnumerator GetEnumerator() => this;

        public bool MoveNext()
        {
            if (_rest.IsEmpty)
                return false;

            var end = _rest.IndexOf((byte)'\n');
            Current = end < 0 ? _rest : _rest[..end];
            _rest = end < 0 ? [] : _rest[(end + 1)..];
            return true;
        }
    }
}

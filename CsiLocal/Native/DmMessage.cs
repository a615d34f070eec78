using System.Buffers.Binary;
using System.Text;

namespace CsiLocal.Native;

/// <summary>struct dm_ioctl of linux/dm-ioctl.h with what follows it: written as a request, read as an answer.</summary>
/// <remarks>Bytes and not a structure, since its length varies. Both architectures are little-endian and lay it out alike.</remarks>
internal readonly struct DmMessage
{
    /// <summary>sizeof(struct dm_ioctl): its last 7 bytes are padding. The requests' numbers have it in them.</summary>
    public const int HeaderSize = 312;

    public const uint ReadOnlyFlag = 1 << 0;
    public const uint SuspendFlag = 1 << 1;

    /// <summary>DM_STATUS_TABLE_FLAG: the parameters of the targets and not their status.</summary>
    public const uint TableFlag = 1 << 4;

    /// <summary>DM_ACTIVE_PRESENT_FLAG: it has a table that is in force.</summary>
    public const uint ActiveFlag = 1 << 5;

    public const uint BufferFullFlag = 1 << 8;

    /// <summary>DM_NOFLUSH_FLAG: a thin pool's status without a commit of its metadata first, which waits for its disks.</summary>
    public const uint NoFlushFlag = 1 << 11;

    private const int VersionAt = 0;
    private const int SizeAt = 12;
    private const int StartAt = 16;
    private const int CountAt = 20;
    private const int OpenCountAt = 24;
    private const int FlagsAt = 28;
    private const int DeviceAt = 40;
    private const int NameAt = 48;
    private const int NameSize = 128; // DM_NAME_LEN, the terminating NUL included
    private const int UuidAt = 176;
    private const int UuidSize = 129; // DM_UUID_LEN

    // struct dm_target_spec
    private const int SpecSize = 40;
    private const int SpecNextAt = 20;
    private const int SpecTypeAt = 24;
    private const int SpecTypeSize = 16;

    /// <summary>A request about the device of that name or that UUID: the kernel takes exactly one of them (dm-ioctl.c, __find_device_hash_cell).</summary>
    public DmMessage(int size, uint flags, string name = "", string uuid = "")
    {
        Bytes = new byte[size];

        // The kernel refuses callers with a newer minor version than its own: 4.0.0 suits all, as libdevmapper knows.
        Write(VersionAt, 4);
        Write(SizeAt, (uint)size);
        Write(StartAt, HeaderSize);
        Write(FlagsAt, flags);
        WriteText(name, NameAt, NameSize);
        WriteText(uuid, UuidAt, UuidSize);
    }

    /// <summary>An answer.</summary>
    public DmMessage(byte[] bytes) => Bytes = bytes;

    public byte[] Bytes { get; }

    /// <summary>Major version of the kernel's interface.</summary>
    public uint MajorVersion => Read(VersionAt);

    public bool Has(uint flag) => (Read(FlagsAt) & flag) != 0;

    /// <summary>What it says of the device, with the sizes of the targets that follow.</summary>
    public DmDevice ToDevice()
    {
        long sectors = 0;
        foreach (var target in ToTargets())
            sectors += target.LengthSectors;
        return new DmDevice(
            ReadText(NameAt, NameSize),
            ReadText(UuidAt, UuidSize),
            ToDeviceNumber(BinaryPrimitives.ReadUInt64LittleEndian(Bytes.AsSpan(DeviceAt))),
            sectors * 512,
            (int)Read(OpenCountAt),
            Has(ReadOnlyFlag),
            Has(SuspendFlag));
    }

    /// <summary>The targets that follow: struct dm_target_spec and a string, each.</summary>
    /// <exception cref="FormatException">They do not lie within the answer.</exception>
    public IReadOnlyList<DmTarget> ToTargets()
    {
        var targets = new List<DmTarget>();
        long start = Read(StartAt);
        var next = start;
        for (var left = Read(CountAt); left > 0; left--)
        {
            if (next < HeaderSize || next + SpecSize > Bytes.Length)
                throw new FormatException($"device-mapper: target {targets.Count} at {next} of {Bytes.Length} bytes");
            var at = (int)next;
            var spec = Bytes.AsSpan(at);
            targets.Add(new DmTarget(
                BinaryPrimitives.ReadInt64LittleEndian(spec),
                BinaryPrimitives.ReadInt64LittleEndian(spec[8..]),
                ReadText(at + SpecTypeAt, SpecTypeSize),
                ReadText(at + SpecSize, Bytes.Length - at - SpecSize)));

            // From the first target on, and not from this one (dm-ioctl.h).
            next = start + Read(at + SpecNextAt);
        }

        return targets;
    }

    /// <summary>The kernel's huge_encode_dev (kdev_t.h) as <c>st_rdev</c> has it.</summary>
    private static ulong ToDeviceNumber(ulong encoded) =>
        FileStatus.MakeDevice((uint)((encoded >> 8) & 0xFFF), (uint)((encoded & 0xFF) | ((encoded >> 12) & 0xFFF00)));

    private uint Read(int at) => BinaryPrimitives.ReadUInt32LittleEndian(Bytes.AsSpan(at));

    private void Write(int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(Bytes.AsSpan(at), value);

    private string ReadText(int at, int size)
    {
        var text = Bytes.AsSpan(at, size);
        var end = text.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? text : text[..end]);
    }

    private void WriteText(string text, int at, int size)
    {
        if (Encoding.UTF8.GetByteCount(text) >= size)
            throw new ArgumentException($"'{text}' is longer than device-mapper allows ({size - 1} bytes)", nameof(text));
        Encoding.UTF8.GetBytes(text, Bytes.AsSpan(at, size));
    }
}

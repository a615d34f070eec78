using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace CsiLocal.Native;

/// <summary>What the kernel says of project quotas on a file system.</summary>
/// <param name="Accounting">Space is counted per project.</param>
/// <param name="Enforcing">Limits are enforced.</param>
internal readonly record struct ProjectQuotaState(bool Accounting, bool Enforcing);

/// <summary>A project's numbers, in bytes; a limit of 0 is none.</summary>
internal readonly record struct ProjectQuotaNumbers(long UsedBytes, long LimitBytes, long UsedInodes = 0);

/// <summary>Project quotas of xfs and ext4, the same calls for both: quotactl_fd(2) and FS_IOC_FSSETXATTR.</summary>
/// <remarks>
/// Chosen over xfs_quota(8) and setquota(8): xfs_quota prints an error and exits 0 for much that fails, walks the tree, and needs
/// a second path for ext4 (<c>-f</c>); these calls say errno, need no package and start no process. Linux 5.14.
/// </remarks>
internal static unsafe class ProjectQuotaControl
{
    private const int NoSuchProcess = 3; // ESRCH: quotas of this type are not on
    private const int NoSuchCall = 38; // ENOSYS: the file system was built or mounted without any, or Linux before 5.14

    /// <summary>Bytes per unit of a block limit (QIF_DQBLKSIZE, linux/quota.h).</summary>
    public const int LimitUnit = 1024;

    private const long SysQuotactlFd = 443;
    private const uint ProjectType = 2; // PRJQUOTA
    private const uint GetQuota = 0x800007; // Q_GETQUOTA: VFS, so xfs answers it as well (fs/quota/quota.c)
    private const uint SetQuota = 0x800008; // Q_SETQUOTA
    private const uint GetState = 0x5805; // Q_XGETQSTAT: ext4 answers it as well
    private const int NumbersSize = 72; // struct if_dqblk
    private const uint BlockLimitsValid = 1; // QIF_BLIMITS
    private const ushort ProjectAccounting = 1 << 4; // FS_QUOTA_PDQ_ACCT, linux/dqblk_xfs.h
    private const ushort ProjectEnforcing = 1 << 5; // FS_QUOTA_PDQ_ENFD

    private const ulong GetAttributes = 0x801C581F; // FS_IOC_FSGETXATTR
    private const ulong SetAttributes = 0x401C5820; // FS_IOC_FSSETXATTR
    private const uint InheritProject = 0x200; // FS_XFLAG_PROJINHERIT

    [StructLayout(LayoutKind.Sequential)]
    private struct FileAttributes
    {
        public uint Flags;
        public uint ExtentSize;
        public uint ExtentCount;
        public uint Project;
        public uint CowExtentSize;
        public uint Padding1;
        public uint Padding2;
    }


    /// <summary>Both false where the kernel or the file system knows no quotas, or none is on.</summary>
    public static ProjectQuotaState ReadState(DirectoryDescriptor directory)
    {
        // struct fs_quota_stat: version (1 byte), one of padding, flags (2 bytes), …; 80 bytes in all.
        var buffer = stackalloc byte[256];
        new Span<byte>(buffer, 256).Clear();
        var error = directory.Call(SysQuotactlFd, Command(GetState), 0, buffer);
        return error switch
        {
            0 => ParseState(new ReadOnlySpan<byte>(buffer, 256)),
            NoSuchCall or NoSuchProcess => default,
            _ => throw new NativeException("quotactl_fd Q_XGETQSTAT", error),
        };
    }

    /// <summary>Zeros for a project that was never used.</summary>
    public static ProjectQuotaNumbers Read(DirectoryDescriptor directory, uint project)
    {
        var buffer = stackalloc byte[NumbersSize];
        new Span<byte>(buffer, NumbersSize).Clear();
        var error = directory.Call(SysQuotactlFd, Command(GetQuota), project, buffer);
        return error switch
        {
            0 => ParseNumbers(new ReadOnlySpan<byte>(buffer, NumbersSize)),
            Errno.NoEntry => default, // xfs keeps no record of an id that was never used
            _ => throw new NativeException($"quotactl_fd Q_GETQUOTA project {project}", error),
        };
    }

    /// <summary>Sets the hard limit; 0 removes it.</summary>
    public static void SetLimit(DirectoryDescriptor directory, uint project, long limitBytes)
    {
        var buffer = stackalloc byte[NumbersSize];
        FormatLimit(new Span<byte>(buffer, NumbersSize), limitBytes);
        var error = directory.Call(SysQuotactlFd, Command(SetQuota), project, buffer);
        if (error != 0)
            throw new NativeException($"quotactl_fd Q_SETQUOTA project {project}", error);
    }

    /// <summary>Puts an empty directory into a project: what is created in it from then on is counted there.</summary>
    public static void Assign(DirectoryDescriptor directory, uint project)
    {
        FileAttributes attributes;
        directory.Control(GetAttributes, &attributes, "FS_IOC_FSGETXATTR");
        attributes.Flags |= InheritProject;
        attributes.Project = project;
        directory.Control(SetAttributes, &attributes, "FS_IOC_FSSETXATTR");
    }

    /// <summary>Takes a directory out of its project: nothing is inherited from it any more.</summary>
    public static void Clear(DirectoryDescriptor directory)
    {
        FileAttributes attributes;
        directory.Control(GetAttributes, &attributes, "FS_IOC_FSGETXATTR");
        attributes.Flags &= ~InheritProject;
        attributes.Project = 0;
        directory.Control(SetAttributes, &attributes, "FS_IOC_FSSETXATTR");
    }

    /// <summary>Puts a regular file into a project; 0: into none. A symbolic link is refused.</summary>
    public static void AssignFile(string path, uint project)
    {
        using var handle = NativeFile.Open(path, NativeFile.ReadOnly);
        var attributes = default(FileAttributes);
        if (NativeFile.Control(handle, (uint)GetAttributes, ref attributes) != 0)
            throw NativeException.Last("FS_IOC_FSGETXATTR", path);
        if (attributes.Project == project)
            return;
        attributes.Project = project;
        if (NativeFile.Control(handle, (uint)SetAttributes, ref attributes) != 0)
            throw NativeException.Last("FS_IOC_FSSETXATTR", path);
    }

    /// <summary>The directory's project, or 0; 0 also where what is created inside would not inherit it.</summary>
    public static uint ProjectOf(DirectoryDescriptor directory)
    {
        FileAttributes attributes;
        directory.Control(GetAttributes, &attributes, "FS_IOC_FSGETXATTR");
        return (attributes.Flags & InheritProject) != 0 ? attributes.Project : 0;
    }

    internal static ProjectQuotaState ParseState(ReadOnlySpan<byte> reply)
    {
        var flags = BinaryPrimitives.ReadUInt16LittleEndian(reply[2..]);
        return new ProjectQuotaState((flags & ProjectAccounting) != 0, (flags & ProjectEnforcing) != 0);
    }

    internal static ProjectQuotaNumbers ParseNumbers(ReadOnlySpan<byte> reply) => new(
        checked((long)BinaryPrimitives.ReadUInt64LittleEndian(reply[16..])),
        checked((long)(BinaryPrimitives.ReadUInt64LittleEndian(reply) * LimitUnit)),
        checked((long)BinaryPrimitives.ReadUInt64LittleEndian(reply[40..])));

    internal static void FormatLimit(Span<byte> request, long limitBytes)
    {
        request.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(request, (ulong)(limitBytes / LimitUnit));
        BinaryPrimitives.WriteUInt32LittleEndian(request[64..], BlockLimitsValid);
    }

    private static uint Command(uint command) => (command << 8) | ProjectType;
}

namespace CsiLocal.Native;

/// <summary>The errno values that decide something here (Linux, the same on x86-64 and arm64).</summary>
internal static class Errno
{
    public const int NotPermitted = 1;
    public const int NoEntry = 2;
    public const int Interrupted = 4;
    public const int Io = 5;
    public const int NoDeviceOrAddress = 6;
    public const int Access = 13;
    public const int Busy = 16;
    public const int Exists = 17;
    public const int CrossDevice = 18;
    public const int NoDevice = 19;
    public const int NotDirectory = 20;
    public const int InvalidArgument = 22;
    public const int NotTty = 25;
    public const int NoSpace = 28;
    public const int ReadOnlyFilesystem = 30;
    public const int NoSystemCall = 38;
    public const int NotEmpty = 39;
    public const int SymlinkLoop = 40;
    public const int NotSupported = 95;
    public const int QuotaExceeded = 122;
}

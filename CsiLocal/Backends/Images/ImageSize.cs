namespace CsiLocal.Backends.Images;

/// <summary>The sizes that images come in. Pure.</summary>
internal static class ImageSize
{
    private const long MiB = 1 << 20;

    /// <summary>Small enough for any use; what a file system needs beyond it is for <see cref="Filesystems.FilesystemLimits"/> to say.</summary>
    private const long MinimumBytes = 16 * MiB;

    /// <summary>Images are whole MiB: whole blocks of every file system and every sector size.</summary>
    public static long RoundUp(long requiredBytes) => checked((Math.Max(requiredBytes, MinimumBytes) + MiB - 1) / MiB * MiB);
}

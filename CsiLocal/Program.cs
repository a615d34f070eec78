namespace CsiLocal;

internal static class Program
{
    private static int Main()
    {
        Console.WriteLine("csilocal");
        return 0;
    }
}
